import { type EngineComparison, type SourceChange, shortVersion } from '../engine/index.js';

/** What the notes tell beside the comparison. */
export interface NotesInputs {
  /** What the releases are called: `1.0.0`. */
  readonly before: string;
  readonly after: string;
  readonly comparison: EngineComparison;
}

/**
 * The notes between two releases, as Markdown: which components came, went and moved from which revision to which, and where the
 * commits between can be read. What images say of themselves comes from elsewhere and is text here, never markup.
 */
export function formatNotes({ before, after, comparison }: NotesInputs): string {
  const lines = [`# ${text(after)}`, '', `Changes since ${text(before)}.`, ''];
  const changed = comparison.sources.filter(({ change }) => change !== 'same');
  const same = comparison.sources.filter(({ change }) => change === 'same').map(({ source }) => source);
  if (changed.length === 0) lines.push('The components are the same.', '');
  else {
    lines.push('| component | from | to | commits |', '|---|---|---|---|', ...changed.map(row), '');
    if (same.length > 0) lines.push(`Unchanged: ${same.map(text).join(', ')}.`, '');
  }
  for (const [title, entries] of [
    ['Parts', comparison.parts],
    ['Environment', comparison.environment],
    ['Commands', comparison.commands],
  ] as const) {
    if (entries.length === 0) continue;
    lines.push(`## ${title}`, '', ...entries.map(({ name, change }) => `- ${text(name)}: ${change}`), '');
  }
  return lines.join('\n');
}

function row({ source, change, before, after, compare }: SourceChange): string {
  const from = change === 'added' ? 'new' : text(shortVersion(before));
  const to = change === 'removed' ? 'removed' : text(shortVersion(after));
  return `| ${text(source)} | ${from} | ${to} | ${compare === null ? '' : `[compare](${compare})`} |`;
}

/** Text that Markdown leaves as it is, on one line. */
function text(plain: string): string {
  return plain.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>()#|!&~]/g, (character) => `\\${character}`);
}
