import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { ZstdFrames } from '../../src/layer/zstd-frames.js';

const content = Buffer.concat([Buffer.alloc(300_000, 'abc'), randomBytes(200_000), Buffer.alloc(100_000)]);
const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
const zstd = (input: Buffer, ...options: string[]) => execFileSync('zstd', ['-c', ...options], { input });

function isComplete(bytes: Buffer, piece = bytes.length): boolean {
  const frames = new ZstdFrames();
  for (let at = 0; at < bytes.length; at += piece) frames.update(bytes.subarray(at, at + piece));
  return frames.isComplete;
}

it.each([
  ['with a checksum', zstd(content, '--check')],
  ['without a checksum', zstd(content, '--no-check')],
  ['of known size', zstd(content, `--stream-size=${content.length}`)],
  ['of little content', zstd(Buffer.from('x'))],
  ['of nothing', zstd(Buffer.alloc(0))],
  ['with long distances', zstd(content, '--long=27', '-3')],
  ['several, with one to skip', Buffer.concat([zstd(content), skippable, zstd(Buffer.from('end'))])],
  ['one to skip at the end', Buffer.concat([zstd(content), skippable])],
])('A19 knows where zstd frames end: %s', (_what, bytes) => {
  for (const piece of [bytes.length, 1, 7, 4096]) expect(isComplete(bytes, piece)).toBe(true);
  const cuts = [1, 2, 3, 4, 5, bytes.length - 1, bytes.length >> 1].filter((cut) => cut < bytes.length);
  for (const cut of cuts) {
    const whole = bytes.length - cut;
    // What is left may be whole: all but the frame that is skipped.
    const atBoundary = cut === skippable.length && bytes.includes(skippable);
    if (!atBoundary) expect([cut, isComplete(bytes.subarray(0, whole))]).toEqual([cut, false]);
  }
});

it('A19 takes nothing for no frame', () => {
  expect(isComplete(Buffer.alloc(0))).toBe(false);
  expect(isComplete(Buffer.from('garbage'))).toBe(false);
});
