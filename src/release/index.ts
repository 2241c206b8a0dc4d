export { type Bisected, type BisectVerdict, bisect } from './bisect.js';
export {
  type ChannelStep,
  emptyChannel,
  findChannel,
  findLatestSigned,
  maxHistorySteps,
  type RecordedStep,
  readChannelHistory,
  readSignedHistory,
  readSteps,
} from './channel.js';
export { composeRelease, type ReleaseForm, releasePlatform } from './compose.js';
export { formatJunit } from './junit.js';
export { readReleaseLock, releaseComponents, releaseEngine, releaseLock, releaseName } from './lock.js';
export { formatNotes } from './notes.js';
export { type PromotionPlan, planPromotion, promote } from './promote.js';
export type { PromotionSigning } from './promotion-step.js';
export { rollbackStep } from './rollback.js';
export { runTests, type TestOutcome } from './run-tests.js';
export { attachSbom, isSbomAttached, releaseSbom } from './sbom-carrier.js';
export { collectSite } from './site.js';
export type { ChannelInputs } from './site-candidates.js';
export type {
  ReleaseSite,
  SiteChannel,
  SiteKey,
  SiteRelease,
  SiteStep,
} from './site-types.js';
export { attachTestResult, testResult } from './test-result.js';
export { findTestVerdict, type TestVerdict, type UnsignedVerdict } from './test-verdict.js';
export type { ComposedRelease } from './types.js';
