import { parseTime } from '../oci/index.js';
import { type Html, html } from './html.js';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A day for people: `22 Nov 2026`; what is no time stands as it is. */
export function day(time: string | undefined): Html | string {
  if (time === undefined) return 'not known';
  const at = dateOf(time);
  return at === undefined ? time : html`<time datetime="${at.toISOString()}">${dayText(at)}</time>`;
}

/** A moment for people: `22 Nov 2026, 23:51 UTC`. */
export function moment(time: string): Html | string {
  const at = dateOf(time);
  if (at === undefined) return time;
  const clock = at.toISOString().slice(11, 16);
  return html`<time datetime="${at.toISOString()}">${dayText(at)}, ${clock}&nbsp;UTC</time>`;
}

/** The day as plain text, for lists in a form; empty where no time is known. */
export function plainDay(time: string | undefined): string {
  const at = dateOf(time ?? '');
  return at === undefined ? '' : dayText(at);
}

/** How many there are of something: `1 release`, `1,204 releases`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

/** A number with its thousands apart. */
function grouped(number: number): string {
  return String(number).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** Names in a sentence: `a`, `a and b`, `a, b and c`. */
export function list(items: readonly (Html | string)[]): Html {
  return html`${items.map((item, at) =>
    at === 0 ? html`${item}` : html`${at === items.length - 1 ? ' and ' : ', '}${item}`,
  )}`;
}

function dateOf(text: string): Date | undefined {
  const time = parseTime(text);
  return time === undefined ? undefined : new Date(time);
}

function dayText(at: Date): string {
  return `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}
