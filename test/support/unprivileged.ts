import { afterAll, beforeAll } from 'vitest';

const nobody = 65534;

/** Lets the tests of a file run as an ordinary user, whom modes concern, also where root runs them. */
export function asOrdinaryUser(): void {
  if (process.getuid?.() !== 0) return;
  beforeAll(() => {
    process.setegid?.(nobody);
    process.seteuid?.(nobody);
  });
  afterAll(() => {
    process.seteuid?.(0);
    process.setegid?.(0);
  });
}
