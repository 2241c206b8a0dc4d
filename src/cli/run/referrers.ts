import { resolveReference } from '../../content/index.js';
import { annotationKeys, type Descriptor, parseReference } from '../../oci/index.js';
import { openCatalogs } from '../catalogs.js';
import type { Host } from '../host.js';
import { formatBytes, printJson, printLine, printTable, withProgress } from '../output.js';
import { type NetworkFlags, openTargets } from '../runtime.js';

/** The flags of `engineshed referrers`. */
interface ReferrersFlags extends NetworkFlags {
  readonly type?: string;
  readonly json?: boolean;
}

/** Lists what refers to an image. */
export async function referrers(this: Host, flags: ReferrersFlags, image: string): Promise<void> {
  const reference = parseReference(image);
  const catalogs = await openCatalogs(this, undefined);
  const { subject, found } = await withProgress(this, async (report) => {
    const targets = openTargets(this, catalogs, flags, report);
    try {
      const target = targets.readable(reference);
      const subject = await resolveReference(target, reference);
      const found: Descriptor[] = [];
      for await (const referrer of target.referrers(subject, flags.type)) found.push(referrer);
      return { subject, found };
    } finally {
      targets.close();
    }
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
