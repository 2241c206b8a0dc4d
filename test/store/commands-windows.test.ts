import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startOnWindows } from '../../src/cli/start.js';
import { mayComeFromElsewhere } from '../../src/engine/names.js';
import { renderForWindows } from '../../src/store/commands-windows.js';
import { interpreterOf } from '../../src/store/interpreter.js';
import type { InstalledEngine } from '../../src/store/record.js';
import { temporaryDirectory } from '../support/temporary.js';

const coded = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

const root = 'C:\\Users\\Jürgen\\store';
const inStore = `${root}\\layers\\sha256\\9a`;

function engineWith(set: Record<string, string>, file = `${inStore}\\tools\\say.cmd`): InstalledEngine {
  const source = { kind: 'layout', directory: `${root}/layers/sha256/9a/tools` };
  return {
    name: 'first',
    id: '0123456789abcdef',
    sources: { tools: source, own: { kind: 'directory', directory: 'D:\\own' } },
    environment: { set, unset: ['GONE'] },
    commands: [
      { name: 'say', part: 'tools', path: 'say.cmd', file },
      { name: 'run', part: 'own', path: 'run', file: 'D:\\own\\run', interpreter: ['bash', '-e'] },
    ],
  } as unknown as InstalledEngine;
}

describe('what shims on Windows read', () => {
  it('has paths in the store without the store, whose name cmd may not understand', () => {
    const text = renderForWindows(engineWith({ SAID: 'a & b', ROOT: `${inStore}\\tools/bin` }), root);
    expect(text.split('\r\n')).toEqual([
      'state first@0123456789abcdef',
      'mark tools layers\\sha256\\9a\\.damaged-tools',
      'own say layers\\sha256\\9a\\tools\\say.cmd',
      'file run D:\\own\\run',
      'run run bash -e',
      'set SAID a & b',
      'join ROOT layers\\sha256\\9a\\tools\\bin',
      'unset GONE',
      '',
    ]);
  });

  it.each([
    ['what is not ASCII', { SAID: 'süß' }],
    ['a list of paths in such a store', { DIRS: `${inStore};${inStore}` }],
    ['an empty value', { SAID: '' }],
    ['a blank at the beginning', { SAID: ' a' }],
    ['a blank at the end', { SAID: 'a ' }],
    ['a line end', { SAID: 'a\nset PATH b' }],
  ])('says nothing where there is %s', (_, set) => {
    expect(renderForWindows(engineWith(set), root)).toBe('held\r\n');
  });

  it('says nothing where a command has such a path', () => {
    expect(renderForWindows(engineWith({}, 'D:\\süß\\say.cmd'), root)).toBe('held\r\n');
  });
});

describe('what runs a file on Windows', () => {
  const interpreter = (name: string, text: string) => {
    const file = `${temporaryDirectory()}/${name}`;
    writeFileSync(file, text);
    return interpreterOf(file);
  };

  it.each([
    ['a.cmd', '#!/bin/sh\n', undefined],
    ['a.EXE', 'MZ', undefined],
    ['a', '#!/bin/sh\n', ['sh']],
    ['a.sh', '#! /usr/bin/bash -eu\r\nx', ['bash', '-eu']],
    ['a', '#!/usr/bin/env bash', ['bash']],
    ['a.js', '#!/usr/bin/env -S node --no-warnings\n', ['node', '--no-warnings']],
  ])('%s with %j', (name, text, expected) => {
    expect(interpreter(name, text)).toEqual(expected);
  });

  it.each([
    '',
    'echo',
    '#!\n',
    '#!/usr/bin/env\n',
    '#!/bin/a&calc\n',
    '#!/bin/sh "x\n',
    '#!/bin/env A=b sh\n',
  ])('nothing runs %j', (text) => {
    expect(() => interpreter('a', text)).toThrow(coded('PATH_NOT_FOUND', 'Windows cannot run'));
  });
});

describe('what Windows starts', () => {
  const environment = { ComSpec: 'C:\\cmd.exe', Path: '' };
  const start = (args: readonly string[]) => startOnWindows({ file: 'C:/a b/x.cmd', args }, environment);

  it('for a batch file, with nothing of an argument outside of quotes', () => {
    const { file, args, windowsVerbatimArguments } = start(['a', '"&calc&"', '%PATH%', '\\', '\\"']);
    expect([file, windowsVerbatimArguments]).toEqual(['C:\\cmd.exe', true]);
    expect(args.slice(0, -1)).toEqual(['/e:on', '/v:off', '/d', '/s', '/c']);
    const words = ['"C:\\a b\\x.cmd"', '"a"', '"""&calc&"""', '"%%cd:~,%PATH%%cd:~,%"', '"\\\\"', '"\\\\"""'];
    expect(args.at(-1)).toBe(`"${words.join(' ')}"`);
    expect(() => start(['a\nb'])).toThrow(coded('USAGE', 'a line end'));
  });

  it('is nothing that an engine from elsewhere names, in whatever case', () => {
    for (const name of ['Path', 'PATHEXT', 'ComSpec', 'node_options', 'ProgramFiles', 'shed_file'])
      expect(mayComeFromElsewhere(name), name).toBe(false);
    expect(mayComeFromElsewhere('GENERATION_DIR')).toBe(true);
  });
});
