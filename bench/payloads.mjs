// Deterministic trees to move: text like a repository's, many small files, and large files.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';

/** name -> how it is made; sizes in bytes before compression. */
export const payloads = {
  text: { title: '1,200 text files', make: (directory) => manyFiles(directory, 1_200, 7_000, text) },
  small: { title: '30,000 small files', make: (directory) => manyFiles(directory, 30_000, 3_000, text) },
  large: { title: '300 MB with large files', make: largeFiles },
};

function manyFiles(directory, count, averageBytes, content) {
  const random = generator(count);
  for (let at = 0; at < count; at++) {
    const folder = `${directory}/d${at % 61}/e${at % 7}`;
    if (at < 61 * 7) mkdirSync(folder, { recursive: true });
    const bytes = Math.floor(averageBytes * (0.2 + 1.6 * random()));
    writeFileSync(`${folder}/file-${at}.ftl`, content(random, bytes), {
      mode: at % 10 === 0 ? 0o755 : 0o644,
    });
  }
}

/** Half of it compresses like a program, half hardly at all, like a jar. */
function largeFiles(directory) {
  const random = generator(300);
  for (const [name, megabytes, content] of [
    ['runtime.bin', 120, text],
    ['library.jar', 120, noise],
    ['data.bin', 50, text],
  ]) {
    const block = content(random, 1_000_000);
    const blocks = Array.from({ length: megabytes }, (_, at) => {
      const copy = Buffer.from(block);
      for (let byte = 0; byte < copy.length; byte += 64) copy[byte] = (copy[byte] + at * 31 + byte) & 0xff;
      return content === noise ? content(random, 1_000_000) : copy;
    });
    writeFileSync(`${directory}/${name}`, Buffer.concat(blocks));
  }
  manyFiles(directory, 1_000, 10_000, text);
}

const words =
  'engine template account product segment component deployment the of a for in resource output value'.split(
    ' ',
  );

function text(random, bytes) {
  let line = '';
  while (line.length < bytes)
    line += `${words[Math.floor(random() * words.length)]}${random() < 0.12 ? '\n' : ' '}`;
  return Buffer.from(line.slice(0, bytes));
}

function noise(random, bytes) {
  const blocks = [];
  for (let size = 0; size < bytes; size += 64)
    blocks.push(createHash('sha512').update(String(random())).digest());
  return Buffer.concat(blocks).subarray(0, bytes);
}

/** mulberry32: the same numbers for the same seed. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
