export { type Bisected, type BisectVerdict, bisect } from './bisect.js';
export {
  type ChannelStep,
  emptyChannel,
  findChannel,
  type MoveReason,
  readChannelHistory,
} from './channel.js';
export { type ComposeInputs, composeRelease, type ReleaseForm, releasePlatform } from './compose.js';
export { formatJunit } from './junit.js';
export { readReleaseLock, releaseComponents, releaseEngine, releaseLock, releaseName } from './lock.js';
export { formatNotes, type NotesInputs } from './notes.js';
export { type PromotionInputs, type PromotionPlan, planPromotion, promote } from './promote.js';
export { rollbackStep } from './rollback.js';
export { runTests, type TestOutcome, type TestSurroundings, type TestToRun } from './run-tests.js';
export {
  attachTestResult,
  findTestVerdict,
  type TestResult,
  type TestVerdict,
  testResult,
} from './test-result.js';
export type { ComposedRelease, ReleaseComponent, ReleaseLayer } from './types.js';
