import { expect } from 'vitest';

/** The hexadecimal digits of a sha256 digest. */
export const hex = 'a'.repeat(64);

/** The bytes of a text as it is, and of all else as JSON. */
export function encode(value: unknown): Buffer {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Stands for an error that has a code, and a text in its message. */
export function coded(code: string, message = ''): unknown {
  return expect.objectContaining({ code, message: expect.stringContaining(message) });
}
