const controlOrBidi = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
/** It does not ask for the scheme: to look for one in a long word would take time that grows with the square of its length. */
const urlUserInfo = /(:\/\/)[^\s/@]+@/g;
/** At the beginning of a word: `USER:PASSWORD@HOST`. A tag and a digest look alike, `IMAGE:TAG@sha256:...`. */
const bareUserInfo = /(^|[\s"'`])[^\s"'`/@:]+:[^\s"'`/@]+@(?=[\w[])(?!sha\d+:|\w+:[0-9A-Fa-f]{32})/g;
const authorizationValue = /\b(basic|bearer)\s+[A-Za-z0-9._~+/=-]{8,}/gi;
const secretParameter =
  /(token|password|passwd|secret|signature|\bsig|x-amz-credential)(["']?\s*[=:]\s*["']?)[^\s"'&,;}]+/gi;

/**
 * Makes text from outside safe to print: control and direction characters become `\xNN` or `\u{N}` (newline and tab
 * stay), and user info in URLs and before hosts, `Basic`/`Bearer` values and secret-looking parameters become `***`.
 */
export function sanitize(text: string): string {
  return text
    .replace(urlUserInfo, '$1***@')
    .replace(bareUserInfo, '$1***@')
    .replace(authorizationValue, '$1 ***')
    .replace(secretParameter, '$1$2***')
    .replace(controlOrBidi, escapeCharacter);
}

/** {@link sanitize} for text that must stay on one line. */
export function sanitizeLine(text: string): string {
  return escapeControls(sanitize(text));
}

/** Makes text from outside safe to print as one line: control and direction characters, newlines and tabs are escaped. */
export function escapeControls(text: string): string {
  return text.replace(controlOrBidi, escapeCharacter).replace(/\n/g, '\\n').replace(/\t/g, '\\t');
}

function escapeCharacter(character: string): string {
  if (character === '\n' || character === '\t') return character;
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
