import { memoryTarget } from '../../src/content/index.js';
import type { ReleaseSite } from '../../src/release/index.js';
import {
  collectSample,
  lead,
  pushRelease,
  recordTests,
  type SampleComponent,
  sampleChannels,
} from './sample.js';

const markup = '<img src=x onerror="globalThis.taken=1">';
const long = 'W'.repeat(1000);

/** Components that say of themselves what nobody should believe. */
const components: Readonly<Record<string, SampleComponent>> = {
  engine: { version: markup, revision: markup, repository: 'https://github.com/a/b' },
  script: {
    version: '</script><script>globalThis.taken=2</script>',
    revision: 'abcdef1',
    repository: 'javascript:globalThis.taken=3//github.com/a/b',
  },
  quotes: {
    version: '" onmouseover="globalThis.taken=4" x="',
    revision: '0123456',
    repository: 'https://github.com/a/b"><script>globalThis.taken=5</script>',
  },
  comment: { version: '<!-- ]]> -->', revision: '0123456', repository: 'https://user:secret@github.com/a/b' },
  direction: {
    version: '1.0\u202e0.9\u0000\u001b[31m\u2028',
    repository: 'data:text/html,<script>globalThis.taken=6</script>',
    revision: 'fedcba9',
  },
  long: { version: long, revision: long, repository: `https://github.com/${long}` },
  template: {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it must stay as it is
    version: '{{constructor}} ${globalThis.taken=7} {revision} {from}',
    revision: 'abcdef0',
    repository: 'https://github.com/../..',
  },
};

/** A project whose components, tests and times are as bad as somebody can make them who may push to the registry. */
export async function hostileSite(): Promise<ReleaseSite> {
  const target = memoryTarget('registry.example.com/acme/train');
  const channels = sampleChannels([], ['1.1.0', '1.0.0']);
  const [stable] = channels;
  if (stable === undefined) throw new Error('no channel');
  const before = await pushRelease(target, { components: { engine: {} }, description: markup }, markup);
  await recordTests(target, before, markup, ['installs']);
  await lead(target, stable, before, '1.0.0', markup);
  const after = await pushRelease(
    target,
    { components, description: `${markup}${long}` },
    '9999-99-99T99:99:99Z',
  );
  await recordTests(target, after, `${markup}${'<'.repeat(200)}`);
  await lead(target, stable, after, '1.1.0', '2026-01-01T00:00:00Z');
  return collectSample(target, channels);
}
