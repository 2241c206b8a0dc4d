import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { User } from '../acceptance/cli.js';

const example = fileURLToPath(new URL('../../examples/hello', import.meta.url));

/** The components of the example product. */
export const components = ['engine', 'executor-bash', 'engine-plugin-emphasis'] as const;

/**
 * Lets a user publish the example product to image layouts in the working directory, as 1.0.0 and, with another template, as
 * 2.0.0. The engines are then `hello-1.0.0` and `hello-2.0.0`.
 */
export async function publishProduct(user: User): Promise<void> {
  cpSync(example, user.work, { recursive: true });
  for (const component of components) {
    await user.output(['publish', `components/${component}`, `oci:images/${component}:1.0.0`]);
  }
  cpSync(`${user.work}/changes`, `${user.work}/components`, { recursive: true });
  for (const component of components) {
    await user.output(['publish', `components/${component}`, `oci:images/${component}:2.0.0`]);
  }
}
