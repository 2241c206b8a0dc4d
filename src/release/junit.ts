import type { TestOutcome } from './run-tests.js';

/**
 * The outcomes of tests as JUnit XML, as pipelines read it.
 * @param suite what was tested
 */
export function formatJunit(suite: string, outcomes: readonly TestOutcome[]): string {
  const failures = outcomes.filter(({ passed }) => !passed).length;
  const seconds = (ms: number) => (ms / 1000).toFixed(3);
  const time = seconds(outcomes.reduce((sum, { durationMs }) => sum + durationMs, 0));
  const counts = `tests="${outcomes.length}" failures="${failures}" errors="0" skipped="0" time="${time}"`;
  const cases = outcomes.flatMap(({ name, fault, durationMs, output }) => [
    `    <testcase name="${escapeXml(name)}" classname="${escapeXml(suite)}" time="${seconds(durationMs)}">`,
    ...(fault === undefined ? [] : [`      <failure message="${escapeXml(fault)}"/>`]),
    ...(output === '' ? [] : [`      <system-out>${escapeXml(output)}</system-out>`]),
    '    </testcase>',
  ]);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${escapeXml(suite)}" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

/** XML 1.0 has no place for most control characters, not even escaped. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;')
    .replaceAll('\t', '&#9;')
    .replaceAll('\r', '&#13;');
}
