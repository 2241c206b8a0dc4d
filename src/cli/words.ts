/** How `exec` is written. */
export const execUsage =
  'Write: engineshed exec ENGINE -- COMMAND [ARGUMENT...], or +ENGINE COMMAND, or -- COMMAND for the selected engine.';

/**
 * The words of a command line as the parser is to have them: `help`, `help COMMAND` and `version` as the flags that they stand for,
 * `--flag=` as a flag with an empty value, and all words of `exec`, and all after `--`, as they are, since they are for another program.
 */
export function readableWords(words: readonly string[]): readonly string[] {
  const [first, second] = words;
  if (first === 'help') return [...words.slice(1, 3), '--help'];
  if (words.length === 1 && first === 'version') return ['--version'];
  if (first === 'exec' && second !== '--help' && second !== '-h') return ['exec', '--', ...words.slice(1)];
  const end = words.indexOf('--');
  const own = end < 0 ? words : words.slice(0, end);
  // The parser takes `--flag=` for an argument.
  const read = own.flatMap((word) => (/^--[a-z][a-z-]*=$/i.test(word) ? [word.slice(0, -1), ''] : word));
  return end < 0 ? read : [...read, ...words.slice(end)];
}
