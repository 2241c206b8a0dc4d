import { EngineshedError } from '../errors/index.js';
import type { ChannelStep } from './channel.js';

/**
 * The step that a channel goes back to: the one before its release was promoted. Going back twice so goes back two releases, and not
 * to and fro.
 * @param history the steps of the channel, the latest first
 * @throws EngineshedError `GENERATION_UNKNOWN` where nothing is recorded before
 */
export function rollbackStep(channel: string, history: readonly ChannelStep[]): ChannelStep {
  const [latest] = history;
  const promoted = history.find((step) => step.digest === latest?.digest && step.reason === 'promote');
  const beforeStep = (at: ChannelStep | undefined) => history.find(({ step }) => step === at?.previous?.step);
  let before = beforeStep(promoted ?? latest);
  // Promoted again, after somebody else had moved the tag.
  while (before !== undefined && before.digest === latest?.digest) before = beforeStep(before);
  if (before !== undefined) return before;
  throw new EngineshedError(
    'GENERATION_UNKNOWN',
    `Nothing is recorded that the channel ${channel} could go back to`,
    {
      hint: `See "engineshed release history ${channel}". Any release can be promoted again: engineshed release promote REF ${channel}`,
    },
  );
}
