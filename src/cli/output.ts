import type { ProgressEvent, Reporter } from '../content/types.js';
import { escapeControls, sanitizeLine } from '../errors/index.js';
import { styled, wantsColour } from './colour.js';
import { eventGate, startEvents, writeEvent } from './events.js';
import type { Host } from './host.js';
import { wantsJson } from './host.js';

/** Prints the result of a command as one JSON document. */
export function printJson(host: Host, value: unknown): void {
  host.process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints a line of the result. Control characters in it are escaped. */
export function printLine(host: Host, text = ''): void {
  host.process.stdout.write(`${escapeControls(text)}\n`);
}

/** Prints lines as {@link printLine} does, many at once. */
export function printLines(host: Host, lines: readonly string[]): void {
  for (let at = 0; at < lines.length; at += linesAtOnce) {
    const some = lines.slice(at, at + linesAtOnce);
    host.process.stdout.write(`${some.map(escapeControls).join('\n')}\n`);
  }
}

const linesAtOnce = 1000;

/** Writes bytes of the result exactly as they are; resolves when they are taken. */
export function printBytes(host: Host, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    host.process.stdout.write(bytes, () => resolve());
  });
}

/** A number of bytes for people: `412 B`, `3.4 MB`; powers of 1000. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/**
 * Runs the long part of a command, showing its progress on the error stream until it ends, however it ends: one line that is
 * painted over on a terminal, a line for each thing that is done elsewhere, only warnings with `--json`.
 */
export async function withProgress<T>(host: Host, work: (report: Reporter) => Promise<T>): Promise<T> {
  startEvents(host);
  const { report, end } = startProgress(host);
  try {
    return await work(report);
  } finally {
    end();
  }
}

/** Prints a warning on the error stream. */
export function printWarning(host: Host, message: string): void {
  const { stderr } = host.process;
  const mark = wantsColour(host, stderr) ? styled('yellow', 'warning:') : 'warning:';
  stderr.write(`${mark} ${sanitizeLine(message)}\n`);
}

function startProgress(host: Host): { readonly report: Reporter; end(): void } {
  const { stderr } = host.process;
  const quiet = wantsJson(host);
  const live = !quiet && stderr.isTTY === true && host.environment.TERM !== 'dumb' && !host.environment.CI;
  const waitedFor = new Set<string>();
  const moving = new Map<string, { bytes: number; total: number }>();
  const width = () => stderr.columns || 80;
  let painted = false;
  let lastPaint = 0;

  const clear = () => {
    if (painted) stderr.write('\r\u001b[K');
    painted = false;
  };
  const paint = () => {
    const all = [...moving.values()];
    const bytes = all.reduce((sum, { bytes }) => sum + bytes, 0);
    const total = all.reduce((sum, { total }) => sum + total, 0);
    if (total === 0) return;
    const amount = `${formatBytes(bytes)} of ${formatBytes(total)}`;
    const filled = Math.round((24 * bytes) / total);
    const bar = `[${'='.repeat(filled)}${' '.repeat(24 - filled)}] `;
    paintText(bar.length + amount.length < width() ? bar + amount : amount);
  };
  const paintText = (text: string) => {
    const now = host.now().getTime();
    if (now - lastPaint < 80) return;
    lastPaint = now;
    // A line that wraps could not be painted over.
    stderr.write(`\r\u001b[K${text.slice(0, width() - 1)}`);
    painted = true;
  };
  const line = (text: string) => {
    clear();
    stderr.write(`${sanitizeLine(text)}\n`);
  };

  const isDue = eventGate();
  const report = (event: ProgressEvent) => {
    if (isDue(event, host.now().getTime())) writeEvent(host, event);
    if (event.type === 'warning') {
      clear();
      printWarning(host, event.message);
    }
    if (quiet) return;
    switch (event.type) {
      case 'resolved':
        line(`${event.what} is ${event.digest}`);
        break;
      case 'picked':
        line(`${event.what} is there for ${event.offered.join(', ')}: taking ${event.platform}`);
        break;
      case 'transfer':
        moving.set(event.id, { bytes: event.bytes, total: event.total });
        if (live) paint();
        break;
      case 'transferred':
        moving.set(event.id, { bytes: event.total, total: event.total });
        // What comes next, such as sending what was packed, is measured anew.
        if ([...moving.values()].every(({ bytes, total }) => bytes === total)) moving.clear();
        line(`${event.label}  ${event.action}  ${formatBytes(event.total)}`);
        break;
      case 'present':
        line(`${event.label}  already there`);
        break;
      case 'count':
        if (live) paintText(`${event.what}: ${event.done} of ${event.total}`);
        break;
      case 'waiting':
        // The same again tells nothing new.
        if (!waitedFor.has(event.what)) line(`waiting for ${event.what}`);
        waitedFor.add(event.what);
        break;
    }
  };
  return { report, end: clear };
}
