import { shortDigest } from '../../content/index.js';
import { type ImageFile, listFiles, readLayers } from '../../look/index.js';
import { formatReference } from '../../oci/index.js';
import { showName } from '../../tar/names.js';
import type { Host } from '../host.js';
import { type ImageFlags, withImage } from '../images.js';
import { printJson, printLines } from '../output.js';
import { printTable } from '../table.js';

/** The flags of `engineshed ls`. */
interface LsFlags extends ImageFlags {
  readonly long?: boolean;
  readonly json?: boolean;
  readonly recursive?: boolean;
}

/** Lists the files of an image. */
export async function ls(this: Host, flags: LsFlags, text: string, path = ''): Promise<void> {
  const { files, ...image } = await withImage(this, flags, text, async (given) => {
    const { reference, target: content, descriptor, platform, report } = given;
    const layers = await readLayers(content, descriptor, platform);
    const files = await listFiles(path, flags.recursive ? 'all' : 'one', { content, layers, report });
    return { reference: formatReference(reference), digest: descriptor.digest, files };
  });
  if (flags.json) printJson(this, { ...image, path, entries: files.map(fileJson) });
  else if (flags.long) {
    printTable(
      this,
      ['MODE', 'SIZE', 'LAYER', 'PATH'],
      files.map((file) => [
        modeText(file),
        String(file.size),
        shortDigest(file.layer.digest),
        file.target === undefined ? shown(file) : `${shown(file)} -> ${showName(file.target)}`,
      ]),
    );
  } else printLines(this, files.map(shown));
}

function shown({ path, kind }: ImageFile): string {
  return kind === 'directory' ? `${showName(path)}/` : showName(path);
}

/** As `ls -l` has it. */
function modeText({ kind, mode }: ImageFile): string {
  const type = kind === 'directory' ? 'd' : kind === 'symlink' ? 'l' : '-';
  const bits = [...'rwxrwxrwx'].map((letter, at) => ((mode >> (8 - at)) & 1 ? letter : '-'));
  return type + bits.join('');
}

function fileJson({ path, kind, mode, size, layer, target }: ImageFile) {
  return {
    path: showName(path),
    kind,
    mode: mode.toString(8).padStart(4, '0'),
    size,
    layer: layer.digest,
    ...(target === undefined ? {} : { target: showName(target) }),
  };
}
