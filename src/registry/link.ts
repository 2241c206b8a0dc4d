/** One link: `<target>`, then parameters, whose quoted values may hold commas and semicolons. */
const linkValue = /<([^<>]*)>((?:\s*;\s*[^\s=;,"]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]*))?)*)/g;
const parameter = /;\s*([^\s=;,"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?/g;

/** The target of the first link with the relation `next` in one or several `Link` headers (RFC 8288). */
export function parseNextLink(headers: readonly string[]): string | undefined {
  for (const header of headers) {
    for (const [, target = '', parameters = ''] of header.matchAll(linkValue)) {
      for (const [, name = '', quoted, bare] of parameters.matchAll(parameter)) {
        const relations = (quoted ?? bare ?? '').toLowerCase().split(/\s+/);
        if (name.toLowerCase() === 'rel' && relations.includes('next')) return target;
      }
    }
  }
  return undefined;
}
