import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { peersRequired } from '../support/peers.js';

/** Whether nothing can be mounted here and tests that do are to be skipped. Mounting needs root; where peers are required, so is this. */
export const cannotMount = process.getuid?.() !== 0 && !peersRequired;

/**
 * Mounts a small file system of its own at a directory that exists, until the test ends.
 * @param options those of tmpfs, as `size=2m,nr_inodes=100`
 */
export function mountSmall(directory: string, options: string): void {
  shell('mount -t tmpfs -o "$1" tmpfs "$0"', directory, options);
  onTestFinished(() => shell('umount "$0"', directory));
}

/** Changes the options of what is mounted at a directory. */
export function remount(directory: string, options: string): void {
  shell('mount -o "remount,$1" "$0"', directory, options);
}

/** Fills the file system of a directory to its last byte, or its last inode. Gives what makes room again. */
export function fill(directory: string, what: 'bytes' | 'inodes'): () => void {
  const filler = `${directory}/.filler`;
  mkdirSync(filler);
  try {
    if (what === 'bytes') writeFileSync(`${filler}/all`, Buffer.alloc(32 << 20));
    else for (let at = 0; at < 10_000; at++) writeFileSync(`${filler}/${at}`, '');
    throw new Error(`${directory} does not get full`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  return () => rmSync(filler, { recursive: true });
}

function shell(script: string, ...args: string[]): void {
  execFileSync('sh', ['-c', script, ...args]);
}
