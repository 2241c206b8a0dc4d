import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refuse, ScriptedRegistry } from '../../src/testing/index.js';
import { newUser, type User } from '../acceptance/cli.js';
import { peersMissing, runPeer } from '../support/peers.js';
import { startRealRegistry } from '../support/registry-debian.js';
import { temporaryDirectory } from '../support/temporary.js';

/** A user whose `registry.example` lies elsewhere and has a mirror, in the machine's form of configuration. */
function userOf(location: string, mirror: string): { user: User; conf: string } {
  const user = newUser();
  mkdirSync(`${user.work}/component`);
  writeFileSync(`${user.work}/component/file`, 'content');
  const conf = `${user.home}/registries.conf`;
  const insecure = 'insecure = true\n';
  writeFileSync(
    conf,
    `[[registry]]\nprefix = "registry.example"\nlocation = "${location}"\n${insecure}[[registry.mirror]]\nlocation = "${mirror}"\n${insecure}`,
  );
  return { user, conf };
}

const image = 'registry.example/acme/component:1';

describe('a pull-through cache', () => {
  it.skipIf(peersMissing('docker-registry'))(
    'of the CNCF registry gives what it fetched, and goes on when its upstream is gone',
    async () => {
      const [originData, cacheData] = [temporaryDirectory(), temporaryDirectory()];
      const origin = await startRealRegistry({ directory: originData });
      let isUp = true;
      const stop = async () => {
        if (isUp) await origin.close();
        isUp = false;
      };
      onTestFinished(stop);
      const cache = await startRealRegistry({ directory: cacheData, cacheOf: `http://${origin.host}` });
      onTestFinished(() => cache.close());
      const { user, conf } = userOf(origin.host, cache.host);
      const environment = { CONTAINERS_REGISTRIES_CONF: conf };
      const { layer } = await user.json(['publish', 'component', image], { environment });
      const stored = (directory: string) => {
        const hex = layer.digest.replace('sha256:', '');
        return existsSync(`${directory}/data/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`);
      };
      expect([stored(originData), stored(cacheData)]).toEqual([true, false]);

      const first = await user.json(['install', image, '--name', 'acme'], { environment });
      expect(first.sources.component.reference).toBe(image);
      // The cache writes what it passed on when it has passed it on.
      await expect.poll(() => stored(cacheData), { timeout: 10_000 }).toBe(true);
      await stop();
      const other = newUser();
      const again = await other.json(['install', image, '--name', 'acme'], { environment });
      expect(again.id).toBe(first.id);
    },
  );

  it('of the sort that fetches under a prefix of its own is asked with its own login', async () => {
    const [origin, cache] = [await ScriptedRegistry.start(), await ScriptedRegistry.start()];
    onTestFinished(() => Promise.all([origin.close(), cache.close()]).then(() => undefined));
    cache.script(({ headers, path }, response) => {
      if (headers.authorization === undefined) {
        response.setHeader('www-authenticate', 'Basic realm="cache"');
        refuse(response, 401, 'UNAUTHORIZED', 'who?');
        return 'handled';
      }
      const upstream = origin.contents.repositories.get(
        /^\/v2\/upstream\/(.*)\/(?:manifests|blobs)\//.exec(path)?.[1] ?? '',
      );
      if (upstream === undefined) return undefined;
      for (const blob of origin.contents.blobs.values()) cache.contents.addBlob(blob);
      for (const [tag, digest] of upstream.tags) {
        const manifest = upstream.manifests.get(digest);
        if (manifest !== undefined)
          cache.contents.addManifest('upstream/acme/component', manifest.mediaType, manifest.bytes, tag);
      }
      return undefined;
    });
    const { user, conf } = userOf(origin.host, `${cache.host}/upstream`);
    const auth = Buffer.from('AWS:cache-token').toString('base64');
    writeFileSync(`${user.home}/auth.json`, JSON.stringify({ auths: { [cache.host]: { auth } } }));
    const environment = { CONTAINERS_REGISTRIES_CONF: conf, REGISTRY_AUTH_FILE: `${user.home}/auth.json` };
    await user.output(['publish', 'component', image], { environment });
    origin.requests.length = 0;
    await user.output(['install', image, '--name', 'acme'], { environment });
    expect(origin.requests).toEqual([]);
    expect(cache.requests.filter(({ headers }) => headers.authorization === `Basic ${auth}`)).not.toEqual([]);
  });
});

describe.skipIf(peersMissing('skopeo'))("a registries.conf of Podman's", () => {
  it('means the same to us as to skopeo', async () => {
    const [origin, mirror] = [await ScriptedRegistry.start(), await ScriptedRegistry.start()];
    onTestFinished(() => Promise.all([origin.close(), mirror.close()]).then(() => undefined));
    const { user, conf } = userOf(origin.host, `${mirror.host}/cache`);
    const environment = { CONTAINERS_REGISTRIES_CONF: conf };
    const publish = (to: string) => user.output(['publish', 'component', to]);
    const asked = () => {
      const log = [
        ...mirror.log.map((line) => `mirror ${line}`),
        ...origin.log.map((line) => `origin ${line}`),
      ];
      mirror.requests.length = 0;
      origin.requests.length = 0;
      return log.filter((line) => /GET .*\/blobs\//.test(line));
    };
    for (const places of [[origin.host, `${mirror.host}/cache`], [origin.host]]) {
      mirror.contents.repositories.clear();
      mirror.contents.blobs.clear();
      for (const place of places) await publish(`${place}/acme/component:1`);
      asked();
      const store = { ENGINESHED_HOME: temporaryDirectory() };
      await user.output(['install', image, '--name', 'acme'], { environment: { ...environment, ...store } });
      const ours = asked();
      await runPeer('skopeo', [
        '--registries-conf',
        conf,
        'copy',
        `docker://${image}`,
        `dir:${user.home}/copy`,
      ]);
      const theirs = asked();
      expect(ours).not.toEqual([]);
      expect(new Set(ours.map(place))).toEqual(new Set(theirs.map(place)));
    }
  });
});

function place(line: string): string {
  return line.split(' ')[0] ?? '';
}
