import { styleText } from 'node:util';
import type { Host, TextStream } from './host.js';

/** How a piece of text can stand out. */
export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';

/**
 * Whether colours are wanted on a stream: where `FORCE_COLOR` is set (but to `0` or `false`), else not where `NO_COLOR` is, else
 * on a terminal that is not `dumb`. A variable that is empty is not set (no-color.org, force-color.org).
 */
export function wantsColour({ environment }: Pick<Host, 'environment'>, stream: TextStream): boolean {
  const { FORCE_COLOR, NO_COLOR, TERM } = environment;
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return !NO_COLOR && TERM !== 'dumb' && stream.isTTY === true;
}

/** The text in a style. Whether styles are wanted is for the caller to ask: `node:util` would look at the process. */
export function styled(style: Style, text: string): string {
  return text === '' ? text : styleText(style, text, { validateStream: false });
}
