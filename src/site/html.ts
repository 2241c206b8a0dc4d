import { EngineshedError, escapeControls } from '../errors/index.js';

/** Markup that is complete: everything in it that is not ours is escaped. Only {@link html} and {@link trusted} make it. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The address that a link leads to. Only {@link pageAddress} and {@link webAddress} make it. */
export class Address {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What can stand in a template: text is escaped, nothing is left out, lists stand one after the other. */
export type HtmlValue = Html | Address | string | number | undefined | readonly HtmlValue[];

/**
 * Markup from a template. This is the one place where text becomes markup: every value is escaped unless it is markup already, and
 * control and direction characters are shown as such. An attribute's value has to be quoted, and where a link leads to has to be an
 * {@link Address}.
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const parts = strings.map((text, at) => {
    if (at === values.length) return text;
    const value = values[at];
    const isLink = /(?:href|src|action)\s*=\s*["']?$/i.test(text);
    if (isLink !== value instanceof Address || text.endsWith('='))
      throw new EngineshedError(
        'INTERNAL',
        `A template has a value that is not safe after ${text.slice(-40)}`,
      );
    return text + markup(value);
  });
  return new Html(parts.join(''));
}

/** Our own text as markup: styles, scripts, and data that cannot end its element. */
export function trusted(text: string): Html {
  return new Html(text);
}

/** Data for a script: JSON in which nothing can end the element that it stands in. */
export function jsonData(value: unknown): Html {
  const text = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new Html(text);
}

/**
 * The address of one of our pages.
 * @param path relative, of characters that need no escape; a fragment may follow
 */
export function pageAddress(path: string): Address {
  if (!/^(?:\.\.\/)?[A-Za-z0-9._/-]*(?:#[A-Za-z0-9=&._-]*)?$/.test(path) || path.startsWith('/'))
    throw new EngineshedError('INTERNAL', `${path} is no address of a page`);
  return new Address(path);
}

/** The address of a page of somebody else; undefined for everything but https with a host and nothing secret. */
export function webAddress(text: string): Address | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, href } = new URL(text);
  return protocol === 'https:' && username === '' && password === '' ? new Address(href) : undefined;
}

function markup(value: HtmlValue): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (value instanceof Address) return escapeText(value.text);
  if (typeof value === 'object') return value.map(markup).join('');
  return escapeText(escapeControls(String(value)));
}

function escapeText(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
