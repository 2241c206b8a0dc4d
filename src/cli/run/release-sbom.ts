import { formatReference } from '../../oci/index.js';
import { isSbomAttached, releaseSbom as makeSbom } from '../../release/index.js';
import type { Host } from '../host.js';
import { printBytes, printJson, withProgress } from '../output.js';
import { withRelease } from '../release.js';
import type { NetworkFlags } from '../runtime.js';

/** The flags of `engineshed release sbom`. */
interface SbomFlags extends Pick<NetworkFlags, 'plainHttp'> {
  readonly json?: boolean;
}

/** Prints the bill of materials of a release. */
export async function releaseSbom(this: Host, flags: SbomFlags, text: string): Promise<void> {
  const { sbom, release, attached } = await withProgress(this, (report) =>
    withRelease(this, flags, report, text, async (release) => {
      const { target, image, lock } = release;
      const sbom = await makeSbom(target, image, lock, report);
      const attached = flags.json ? await isSbomAttached(target, image.descriptor, sbom) : undefined;
      return { sbom, release, attached };
    }),
  );
  if (flags.json) {
    const { descriptor, packages, files } = sbom;
    printJson(this, {
      reference: formatReference(release.reference),
      digest: release.image.descriptor.digest,
      sbom: { digest: descriptor.digest, size: descriptor.size },
      packages,
      files,
      attached,
    });
    return;
  }
  for (const chunk of sbom.bytes()) await printBytes(this, chunk);
}
