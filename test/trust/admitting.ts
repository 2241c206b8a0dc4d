import type { Target } from '../../src/content/index.js';
import type { Descriptor } from '../../src/oci/index.js';
import { signImage } from '../../src/trust/index.js';
import { newKey } from '../support/signing.js';

/** Keys of two people. */
export const [one, two] = [newKey('one.pub'), newKey('two.pub')];

/** When everything is signed, unless told. */
const created = '2026-01-01T00:00:00Z';

/** Signs an image, as the first of the two unless told. */
export const sign = (target: Target, subject: Descriptor, key = one) =>
  signImage(target, { subject, name: undefined, created, key });

/** A day of one January, from 1. */
export const day = (number: number) => new Date(Date.UTC(2026, 0, number));
