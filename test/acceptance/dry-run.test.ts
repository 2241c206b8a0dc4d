import { existsSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { publishProduct } from '../support/product.js';
import { newUser } from './cli.js';

it('copy, index, attach and export tell what they would write, write nothing, and then do just that', async () => {
  const user = newUser();
  await publishProduct(user);
  const registry = await ScriptedRegistry.start();
  try {
    const place = `${registry.host}/acme`;
    writeFileSync(`${user.work}/bill.json`, '{}');
    await user.output(['copy', 'oci:images/engine:1.0.0', `${place}/engine:1.0.0`]);
    const commands = [
      ['copy', 'oci:images/engine:2.0.0', `${place}/copied:2`, '--tag', 'also'],
      ['copy', 'oci:images/engine:2.0.0', 'oci:copies:2'],
      ['copy', 'oci:images/engine:2.0.0', 'oci-archive:copy.tar:2'],
      ['index', `${place}/all:1`, 'oci:images/engine:2.0.0'],
      ['attach', `${place}/engine:1.0.0`, '--type', 'application/spdx+json', 'bill.json'],
      ['export', 'hello-1.0.0', 'engine.tar'],
    ];
    for (const command of commands) {
      const asked = registry.requests.length;
      const told = await user.output([...command, '--dry-run']);
      const planned = await user.json([...command, '--dry-run']);
      expect(
        registry.requests.slice(asked).filter(({ method }) => !['GET', 'HEAD'].includes(method)),
      ).toEqual([]);
      for (const path of ['copies', 'copy.tar', 'engine.tar'])
        if (command.some((word) => word.includes(path)))
          expect(existsSync(`${user.work}/${path}`)).toBe(false);
      expect(told).toContain('would be');
      const { sentBytes: _sent, presentBytes: _present, ...done } = await user.json(command);
      const { dryRun, sentBytes, presentBytes: _none, ...plan } = planned;
      expect([command, dryRun, sentBytes ?? 0]).toEqual([command, true, 0]);
      expect(plan).toEqual(done);
    }
  } finally {
    await registry.close();
  }
});
