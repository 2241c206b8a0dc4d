import { basename, resolve } from 'node:path';
import { membersOf } from '../../catalog/index.js';
import type { Reporter } from '../../content/index.js';
import { ownerOf } from '../../files/index.js';
import { formatReference } from '../../oci/index.js';
import { type ChannelInputs, collectSite, type ReleaseSite } from '../../release/index.js';
import { readSiteAssets, renderSite } from '../../site/index.js';
import { keysOf, type TrustedKey } from '../../trust/index.js';
import type { Host } from '../host.js';
import { formatBytes, printJson, printLine, withProgress } from '../output.js';
import { readReleasePolicies } from '../policies.js';
import { readPublicKeys } from '../public-keys.js';
import { type ReleaseDesk, withReleases } from '../release.js';
import type { NetworkFlags } from '../runtime.js';
import { refuseForeignDirectory, type WrittenSite, writeSiteDirectory } from '../site-directory.js';
import { count } from '../text.js';

/** The flags of `engineshed release site`. */
interface SiteFlags extends NetworkFlags {
  readonly limit: number;
  readonly key?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Writes pages about the releases. */
export async function releaseSite(this: Host, flags: SiteFlags, directory: string): Promise<void> {
  const path = resolve(this.directory, directory);
  refuseForeignDirectory(path);
  const given = readPublicKeys(this, flags.key ?? []);
  const site = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) => collect(flags, desk, given, report)),
  );
  const files = renderSite(site, readSiteAssets());
  const written = flags.dryRun ? sizeOf(files) : writeSiteDirectory(path, files, ownerOf(this.pid));
  print(this, flags, { directory, path, site, written });
}

async function collect(
  flags: SiteFlags,
  desk: ReleaseDesk,
  given: readonly TrustedKey[],
  report: Reporter,
): Promise<ReleaseSite> {
  const { settings, place } = desk;
  const { engine, image, tests } = settings;
  const tags: string[] = [];
  for await (const tag of place.tags()) tags.push(tag);
  const channels = [...settings.channels.values()].map(
    ({ name, tag, versions }): ChannelInputs => ({
      name,
      tag,
      pattern: versions?.text,
      versions: versions === undefined ? [] : membersOf(versions, tags),
    }),
  );
  // Where a layout lies on this machine is nobody else's.
  const named = image.transport === 'registry' ? image : { ...image, path: basename(image.path) };
  const policies = await readReleasePolicies(desk);
  return collectSite(place, {
    engine,
    place: formatReference(named),
    channels,
    tests,
    policies,
    keys: [...given, ...keysOf(policies)],
    limit: flags.limit,
    report,
  });
}

function sizeOf(files: Iterable<{ readonly text: string }>): WrittenSite {
  let [number, bytes] = [0, 0];
  for (const { text } of files) {
    number++;
    bytes += Buffer.byteLength(text);
  }
  return { files: number, bytes, changed: false };
}

function print(
  host: Host,
  flags: SiteFlags,
  done: {
    readonly directory: string;
    readonly path: string;
    readonly site: ReleaseSite;
    readonly written: WrittenSite;
  },
): void {
  const { directory, path, site, written } = done;
  const { channels, releases, unreadable, omitted } = site;
  if (flags.json) {
    printJson(host, {
      ...(flags.dryRun ? { dryRun: true } : {}),
      directory: path,
      ...written,
      releases: releases.length,
      channels: channels.map(({ name, digest, steps }) => ({
        name,
        digest: digest ?? null,
        steps: steps.length,
      })),
      unreadable,
      omitted,
    });
    return;
  }
  const what = `${count(releases.length, 'release')}, ${count(written.files, 'page')}, ${formatBytes(written.bytes)}`;
  const verb = flags.dryRun
    ? 'would be written to'
    : written.changed
      ? 'written to'
      : 'the same as before in';
  printLine(host, `${what} ${verb} ${directory}`);
  if (omitted > 0)
    printLine(host, `  left out: ${count(omitted, 'older release')}; --limit ${flags.limit} is the most`);
  for (const { digest, tags, fault } of unreadable)
    printLine(host, `  cannot be shown: ${tags.join(', ') || digest}: ${fault}`);
}
