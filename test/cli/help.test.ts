import { run } from '@stricli/core';
import { expect, it } from 'vitest';
import { application } from '../../src/cli/app.js';
import { helpTexts } from '../../src/cli/help-texts.js';
import type { Host } from '../../src/cli/host.js';

/** The help as the program prints it; `columns` is that of a terminal, undefined where there is none. */
async function helpOf(words: readonly string[], columns?: number): Promise<string> {
  const pieces: string[] = [];
  const stdout = { write: (piece: string) => pieces.push(piece), isTTY: columns !== undefined, columns };
  const args = [...words, '--help'];
  const host = { process: { stdout, stderr: stdout }, environment: {}, arguments: args, version: '1.2.3' };
  await run(application(host as unknown as Host), args, host as unknown as Host);
  return pieces.join('');
}

/** The words of all commands, those that have commands of their own included. */
async function allCommands(): Promise<string[][]> {
  const commandsIn = async (words: string[]) => {
    const text = await helpOf(words);
    const list = words.length === 0 ? text : (text.split('\nCOMMANDS\n')[1] ?? '');
    return [...list.matchAll(/^ {2}([a-z][a-z-]*) {2,}/gm)].map(([, name = '']) => [...words, name]);
  };
  const first = await commandsIn([]);
  return [...first, ...(await Promise.all(first.map(commandsIn))).flat()];
}

it('every command says how it is written, what its flags take, and has an example', async () => {
  const commands = await allCommands();
  expect(commands.length).toBeGreaterThan(50);
  for (const words of commands) {
    const help = await helpOf(words);
    const name = words.join(' ');
    expect(help).toContain(`\nUSAGE\n  engineshed ${name}`);
    expect(help.split('\n').filter((line) => line.length > 100)).toEqual([]);
    expect(help).toMatch(/\n {2}-h, --help {2}/);
    if (!help.includes('\nCOMMANDS\n')) expect([name, /\nEXAMPLES\n {2}\S/.test(help)]).toEqual([name, true]);
  }
  const names = new Set(commands.map((words) => words.join(' ')));
  expect(Object.keys(helpTexts).filter((name) => !names.has(name))).toEqual([]);
});

it('what the examples use is there', async () => {
  for (const [name, { examples }] of Object.entries(helpTexts)) {
    for (const [line] of examples) {
      const [, words = ''] = /engineshed ([^|>)]*)/.exec(line.split(' -- ')[0] ?? '') ?? [];
      const [first = '', second = ''] = words.trim().split(' ');
      const command = name.includes(' ') ? [first, second] : [first];
      const help = words === '' ? '' : await helpOf(command);
      for (const [flag] of words.matchAll(/--[a-z-]+/g))
        expect([line, help.includes(` ${flag}`)]).toEqual([line, true]);
    }
  }
});

it('help is as wide as the terminal, and its words are whole', async () => {
  const help = await helpOf(['install'], 60);
  expect(help.split('\n').filter((line) => line.length > 60 && !line.startsWith('  engineshed'))).toEqual([]);
  const words = (text: string) => text.split(/\s+/).join(' ');
  expect(words(help)).toBe(words(await helpOf(['install'], 300)));
  expect(await helpOf(['install'], 300)).toBe(await helpOf(['install']));
});

it('flags stand with what they take, and arguments that can be left out in brackets', async () => {
  const login = await helpOf(['login']);
  expect(login).toContain('\n  engineshed login [REGISTRY[/PATH]] [FLAG...]\n');
  expect(login).toMatch(/\n {2}-u, --username NAME {2,}The user name/);
  const tags = await helpOf(['tags']);
  expect(tags).toMatch(/\n {6}--sort name\|version\|date\|none\n {20,}The order \(name by default\)\n/);
  expect(await helpOf(['attach'])).toContain(
    '\n  engineshed attach REF FILE[:MEDIATYPE]... --type MEDIATYPE [FLAG...]\n',
  );
  expect(await helpOf(['exec'])).toContain('\n  engineshed exec -- COMMAND [ARGUMENT...]\n');
});
