import type { SiteRelease } from '../release/index.js';
import { type Html, html } from './html.js';
import { badge } from './pieces.js';
import { signatureOf } from './trust.js';
import { count, list, moment } from './words.js';

/** What tests said of a release: the verdict in a sentence, then every result that is attached. */
export function tests({ tests }: SiteRelease): Html {
  const { verdict, records } = tests;
  const isSigned = verdict?.kind === 'unsigned' || records.some(({ signature }) => signature !== 'none');
  return html`<p>${verdictText(verdict, records.length)}</p>
${
  records.length === 0
    ? undefined
    : html`<ul class="records">${records.map(
        ({ result, when, passedTests, failedTests, ...signed }) => html`<li>
<p>${result === 'FAILED' ? badge('bad', 'Failed') : result === 'WARNED' ? badge('warn', 'Warned') : badge('good', 'Passed')} ${when === '' ? undefined : moment(when)} <span class="quiet">${count(passedTests.length + failedTests.length, 'test')}</span></p>
${isSigned ? html`<p class="quiet">Signed: ${signatureOf(signed)}</p>` : undefined}
${names('Failed', failedTests)}${names('Passed', passedTests)}
</li>`,
      )}</ul>`
}`;
}

function verdictText(verdict: SiteRelease['tests']['verdict'], records: number): Html | string {
  switch (verdict?.kind) {
    case 'passed':
      return 'It passed all tests that there are now.';
    case 'failed':
      return html`It failed ${list(verdict.failedTests)}.`;
    case 'other-tests':
      return 'It was tested, but not with the tests that there are now.';
    case 'unsigned':
      return html`It has a result of the tests that there are now, which says ${verdict.says}, and it does not count: no key of the policy <strong>${verdict.policy.name}</strong> signed it.`;
    case 'untested':
      return 'No test result is attached.';
    default:
      return records === 0
        ? 'Nothing is known of tests.'
        : 'The project names no tests now; these results are attached:';
  }
}

function names(title: string, tests: readonly string[]): Html | undefined {
  return tests.length === 0 ? undefined : html`<p class="quiet">${title}: ${list(tests)}.</p>`;
}
