/** How `exec` is written. */
export const execUsage =
  'Write: engineshed exec ENGINE -- COMMAND [ARGUMENT...], or +ENGINE COMMAND, or -- COMMAND for the selected engine.';

/**
 * The words of a command line as the parser is to have them: `help`, `help COMMAND` and `version` as the flags that they stand for,
 * and all words of `exec` as they are, since they are for another program.
 */
export function readableWords(words: readonly string[]): readonly string[] {
  const [first, second] = words;
  if (first === 'help') return [...words.slice(1, 3), '--help'];
  if (words.length === 1 && first === 'version') return ['--version'];
  if (first === 'exec' && second !== '--help' && second !== '-h') return ['exec', '--', ...words.slice(1)];
  return words;
}
