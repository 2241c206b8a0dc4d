import { createHash, type Hash } from 'node:crypto';
import type { ContentWatcher } from './watched-tree.js';

/** Names the content of a file: its digest, and whether it can be run. Other bits of the mode are not kept when it is written. */
export function fileSum(mode: number, hash: Hash): string {
  return `${(mode & 0o111) === 0 ? 'file' : 'program'} ${hash.digest('hex')}`;
}

/** Names where a symbolic link leads. */
export function linkSum(target: string): string {
  return `link ${target}`;
}

/** Notes the sums of files and links, by path. */
export class ContentSums implements ContentWatcher {
  readonly sums = new Map<string, string>();
  #path = '';
  #mode = 0;
  #hash = createHash('sha256');

  beginFile(path: string, mode: number): void {
    this.#path = path;
    this.#mode = mode;
    this.#hash = createHash('sha256');
  }

  bytes(chunk: Buffer): void {
    this.#hash.update(chunk);
  }

  endFile(): void {
    this.sums.set(this.#path, fileSum(this.#mode, this.#hash));
  }

  symlink(path: string, target: string): void {
    this.sums.set(path, linkSum(target));
  }

  link(path: string, target: string): void {
    this.sums.set(path, this.sums.get(target) ?? '');
  }
}

/** What a file's content is, in hexadecimal digits. */
export interface FileDigests {
  readonly sha1: string;
  readonly sha256: string;
}

/** Notes the digests of files, by path; of links nothing. */
export class ContentDigests implements ContentWatcher {
  readonly digests = new Map<string, FileDigests>();
  #path = '';
  #sha1 = createHash('sha1');
  #sha256 = createHash('sha256');

  beginFile(path: string): void {
    this.#path = path;
    this.#sha1 = createHash('sha1');
    this.#sha256 = createHash('sha256');
  }

  bytes(chunk: Buffer): void {
    this.#sha1.update(chunk);
    this.#sha256.update(chunk);
  }

  endFile(): void {
    this.digests.set(this.#path, { sha1: this.#sha1.digest('hex'), sha256: this.#sha256.digest('hex') });
  }

  symlink(): void {}

  link(path: string, target: string): void {
    const digests = this.digests.get(target);
    if (digests !== undefined) this.digests.set(path, digests);
  }
}
