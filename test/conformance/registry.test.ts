import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { peersMissing, runPeer } from '../support/peers.js';
import { temporaryDirectory } from '../support/temporary.js';

describe.skipIf(peersMissing('conformance'))(
  'the conformance suite of the distribution specification',
  () => {
    // `dev` is 1.1 with what the next version asks for: digest headers, cancelled uploads, tags by parameter.
    it.each(['1.1', 'dev'])('finds nothing in the scripted registry, version %s', async (version) => {
      const registry = await ScriptedRegistry.start();
      onTestFinished(() => registry.close());
      const directory = temporaryDirectory();
      const report = await runPeer('conformance', [], {
        OCI_VERSION: version,
        OCI_REGISTRY: registry.host,
        OCI_TLS: 'disabled',
        OCI_API_BLOBS_UPLOAD_CANCEL: 'true',
        OCI_RESULTS_DIR: directory,
        OCI_CONFIGURATION: '/dev/null',
      }).catch(({ stdout }) => stdout as string);
      const parts = /^ *OCI Conformance Test.*: (?:FAIL|Error|Skip|Disabled|Unknown)$/gm;
      expect(report.match(parts) ?? []).toEqual([]);
      const counts = countsOf(readFileSync(`${directory}/junit.xml`, 'utf8'));
      console.log(`distribution specification ${version}: ${JSON.stringify(counts)}`);
      expect(counts).toMatchObject({ failures: 0, errors: 0, skipped: 0, disabled: 0 });
      expect(counts.tests).toBeGreaterThan(800);
      expect(registry.requests.length).toBeGreaterThan(1000);
    });
  },
);

/** The numbers of the suite's report, 0 where it leaves one out. */
function countsOf(junit: string): Record<'tests' | 'failures' | 'errors' | 'skipped' | 'disabled', number> {
  const [suites = ''] = /<testsuites[^>]*>/.exec(junit) ?? [];
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(suites)?.[1] ?? 0);
  return {
    tests: count('tests'),
    failures: count('failures'),
    errors: count('errors'),
    skipped: count('skipped'),
    disabled: count('disabled'),
  };
}
