import { resolveReference } from '../../content/index.js';
import { EngineshedError } from '../../errors/index.js';
import { formatReference, type Reference } from '../../oci/index.js';
import { type ImageSignature, imageSignatureType, readSigned, signImage } from '../../trust/index.js';
import { openCatalogs } from '../catalogs.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { readImagePolicies, requireCountingKey } from '../policies.js';
import { parseImage } from '../references.js';
import { type NetworkFlags, openTargets } from '../runtime.js';
import { openSigningKey, type SigningFlags } from '../signing-key.js';

/** The flags of `engineshed trust sign`. */
interface SignFlags extends SigningFlags, Pick<NetworkFlags, 'plainHttp'> {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Signs an image. */
export async function sign(this: Host, flags: SignFlags, image: string): Promise<void> {
  const reference = parseImage(image);
  refuseArchive(reference);
  const key = await openSigningKey(this, flags);
  const catalogs = await openCatalogs(this, undefined);
  requireCountingKey(key, await readImagePolicies(catalogs, reference), formatReference(reference));
  const { subject, signature } = await withProgress(this, async (report) => {
    const targets = openTargets(this, catalogs, flags, report);
    try {
      const place = targets.readable(reference);
      const subject = await resolveReference(place, reference);
      const inputs = { subject, name: nameOf(reference), created: this.now().toISOString(), key };
      const signature: ImageSignature | undefined = flags.dryRun
        ? (await readSigned(place, subject, [key.public], [imageSignatureType])).statements
            .slice(0, 1)
            .map(({ carrier }) => ({ carrier, present: true }))[0]
        : await targets.write(reference, 'refuse', (target) => signImage(target, inputs));
      return { subject, signature };
    } finally {
      targets.close();
    }
  });
  const at = formatReference({ ...reference, tag: undefined, digest: subject.digest });
  if (flags.json) {
    printJson(this, {
      ...(flags.dryRun ? { dryRun: true } : {}),
      reference: at,
      digest: subject.digest,
      key: key.public.id,
      signature: signature?.carrier.digest ?? null,
      signed: signature?.present !== true,
    });
    return;
  }
  const isThere = signature?.present === true;
  const verb = flags.dryRun ? 'would sign' : 'signed';
  printLine(this, isThere ? `${at} is signed with ${key.public.label} already` : `${verb} ${at}`);
  printLine(this, `  key        ${key.public.id}`);
  if (signature !== undefined) printLine(this, `  signature  ${signature.carrier.digest}`);
}

/** A path on this machine is nobody else's business. */
function nameOf(reference: Reference): string | undefined {
  if (reference.transport !== 'registry') return undefined;
  return formatReference({ ...reference, tag: undefined, digest: undefined });
}

function refuseArchive(reference: Reference): void {
  if (reference.transport === 'registry' || reference.transport === 'oci') return;
  throw new EngineshedError('USAGE', `${reference.path} is an archive, which is never changed`, {
    hint: 'Sign the image where it is from, and make the archive again, with --referrers.',
  });
}
