import { expect, onTestFinished } from 'vitest';
import { ScriptedRegistry, type ScriptedRegistryOptions } from '../../src/testing/index.js';

/** An origin that is none of ours: it keeps everything that it is sent, and answers as it is told. */
export interface ForeignOrigin {
  readonly registry: ScriptedRegistry;
  /** Everything that was sent to it, as text: methods, paths, queries, headers and bodies. */
  received(): Promise<string>;
}

/** Starts one on loopback, on a port of its own. */
export async function foreignOrigin(options: ScriptedRegistryOptions = {}): Promise<ForeignOrigin> {
  const registry = await ScriptedRegistry.start(options);
  onTestFinished(() => registry.close());
  return {
    registry,
    received: async () => {
      const texts = registry.requests.map(async ({ method, path, query, headers, received }) => {
        const { bytes } = await received();
        return `${method} ${path}?${query}\n${JSON.stringify(headers)}\n${bytes.toString('latin1')}`;
      });
      return (await Promise.all(texts)).join('\n\n');
    },
  };
}

/** The token that a token service gives to everybody; it is no secret. */
export const anonymousToken = 'a-token-for-everybody';

/** Expects that an origin got no `Authorization` of ours, no cookie, and none of the secrets in any spelling. */
export async function expectNoSecrets(origin: ForeignOrigin, secrets: readonly string[]): Promise<void> {
  const received = (await origin.received()).replaceAll(`"authorization":"Bearer ${anonymousToken}"`, '');
  expect(received).not.toMatch(/authorization|cookie/i);
  for (const secret of secrets) {
    const spellings = [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')];
    for (const spelling of [...spellings, ...spellings.map(encodeURIComponent)])
      expect(received.includes(spelling), `${spelling} in ${received}`).toBe(false);
  }
}
