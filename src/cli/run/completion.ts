import { didYouMean, EngineshedError } from '../../errors/index.js';
import { type CompletionShell, completionScripts, completionShells } from '../completion/scripts.js';
import type { Host } from '../host.js';

/** Prints the script that makes a shell complete engineshed. */
export function completion(this: Host, _flags: Record<never, never>, shell: string): void {
  if (!(completionShells as readonly string[]).includes(shell)) {
    throw new EngineshedError('USAGE', `There is no completion for "${shell}"`, {
      hint: didYouMean(shell, completionShells) ?? `There is one for ${completionShells.join(', ')}.`,
    });
  }
  this.process.stdout.write(completionScripts[shell as CompletionShell]);
}
