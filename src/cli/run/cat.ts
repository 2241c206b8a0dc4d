import { openFile, readLayers } from '../../look/index.js';
import type { Host } from '../host.js';
import { type ImageFlags, withImage } from '../images.js';
import { printBytes } from '../output.js';

/** Prints the content of a file of an image. */
export async function cat(this: Host, flags: ImageFlags, text: string, path: string): Promise<void> {
  const file = await withImage(this, flags, text, async ({ target, descriptor, platform, report }) => {
    const layers = await readLayers(target, descriptor, platform);
    return openFile(path, { content: target, layers, report, temporary: this.temporary });
  });
  try {
    for (const piece of file.pieces()) await printBytes(this, piece);
  } finally {
    file.close();
  }
}
