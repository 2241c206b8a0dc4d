import { annotationKeys, type Descriptor } from '../../oci/index.js';
import type { Host } from '../host.js';
import { withImage } from '../images.js';
import { formatBytes, printJson, printLine } from '../output.js';
import type { NetworkFlags } from '../runtime.js';
import { printTable } from '../table.js';

/** The flags of `engineshed referrers`. */
interface ReferrersFlags extends NetworkFlags {
  readonly type?: string;
  readonly json?: boolean;
}

/** Lists what refers to an image. */
export async function referrers(this: Host, flags: ReferrersFlags, image: string): Promise<void> {
  const { subject, found } = await withImage(this, flags, image, async ({ target, descriptor }) => {
    const found: Descriptor[] = [];
    for await (const referrer of target.referrers(descriptor, flags.type)) found.push(referrer);
    return { subject: descriptor, found };
  });
  if (flags.json) {
    printJson(this, { subject: subject.digest, referrers: found.map(referrerJson) });
    return;
  }
  if (found.length === 0) {
    const what = flags.type === undefined ? 'Nothing' : `Nothing of the type ${flags.type}`;
    printLine(this, `${what} refers to ${subject.digest}.`);
    return;
  }
  printTable(
    this,
    ['DIGEST', 'TYPE', 'SIZE', 'CREATED', 'ANNOTATIONS'],
    found.map(({ digest, artifactType, size, annotations = {} }) => {
      const { [annotationKeys.created]: created = '-', ...others } = annotations;
      const texts = Object.entries(others).map(([key, value]) => `${key}=${value}`);
      return [digest, artifactType ?? '-', formatBytes(size), created, texts.join(' ') || '-'];
    }),
  );
}

function referrerJson({ digest, mediaType, artifactType, size, annotations = {} }: Descriptor) {
  return { digest, mediaType, artifactType: artifactType ?? null, size, annotations };
}
