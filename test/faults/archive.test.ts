import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { newUser, program, type User } from '../acceptance/cli.js';
import { cannotMount, mountSmall, remount } from './mounts.js';

async function userWithEngine(size: number): Promise<User> {
  const user = newUser();
  mkdirSync(`${user.work}/component`);
  writeFileSync(`${user.work}/component/noise`, randomBytes(size));
  await user.output(['publish', 'component', 'oci:images:1']);
  await user.output(['install', 'oci:images:1', '--name', 'big']);
  return user;
}

describe('E01 an export that is killed', () => {
  it('leaves no half file, and the next one sweeps what it left', async () => {
    const user = await userWithEngine(64 << 20);
    const out = `${user.work}/out`;
    mkdirSync(out);
    writeFileSync(`${out}/earlier.tar`, 'precious');
    let sawHalf = false;
    for (const delay of [1, 20, 60, 120, 200]) {
      const child = spawn(process.execPath, [program, 'export', 'big', 'out/earlier.tar', '--replace'], {
        cwd: user.work,
        env: user.environment,
        stdio: 'ignore',
      });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      // As soon as the new file is begun, and a little later each time.
      while (child.exitCode === null && readdirSync(out).length === 1)
        await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill('SIGKILL');
      await ended;
      const { length } = readFileSync(`${out}/earlier.tar`);
      expect(length === 8 || length > 64 << 20).toBe(true);
      sawHalf ||= readdirSync(out).length > 1;
    }
    expect(sawHalf).toBe(true);
    await user.output(['export', 'big', 'out/earlier.tar', '--replace']);
    expect(readdirSync(out)).toEqual(['earlier.tar']);
    await newUser().output(['import', `${out}/earlier.tar`]);
  });
});

describe.skipIf(cannotMount)('E02 a full disk', () => {
  it('leaves no half file, and the earlier one as it was', async () => {
    const user = await userWithEngine(4 << 20);
    const out = `${user.work}/small`;
    mkdirSync(out);
    mountSmall(out, 'size=2m');
    const failed = await user.engineshed(['export', 'big', 'small/a.tar']);
    expect(failed).toMatchObject({ status: 74, stdout: '' });
    expect(failed.stderr).toContain('No space is left');
    expect(readdirSync(out)).toEqual([]);
    writeFileSync(`${out}/a.tar`, 'precious');
    expect(await user.engineshed(['export', 'big', 'small/a.tar', '--replace'])).toMatchObject({
      status: 74,
    });
    expect(readFileSync(`${out}/a.tar`, 'utf8')).toBe('precious');
    remount(out, 'size=16m');
    await user.output(['export', 'big', 'small/a.tar', '--replace']);
    expect(existsSync(`${out}/a.tar`)).toBe(true);
  });
});
