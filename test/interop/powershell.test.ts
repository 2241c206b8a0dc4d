import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { powershellInstalled, powershellPython } from '../../scripts/powershell-peer.mjs';
import { renderEnvironment } from '../../src/engine/index.js';
import { newUser } from '../acceptance/cli.js';
import { peersRequired } from '../support/peers.js';

/** Prints what a grammar of PowerShell does not understand, and how many statements there are. */
const judge = `
import sys, tree_sitter, tree_sitter_powershell
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
def strange(node):
    if node.type == 'ERROR' or node.is_missing: yield f'{node.start_point.row + 1}: {node.text.decode()}'
    for child in node.children: yield from strange(child)
root = parser.parse(sys.stdin.buffer.read()).root_node
print(*strange(root), sep='\\n')
print(sum(child.type not in ('comment', 'empty_statement') for list in root.children for child in (list.children if list.type == 'statement_list' else [list])), 'statements')
`;

function judged(script: string): string {
  return execFileSync(powershellPython, ['-c', judge], { input: script, encoding: 'utf8' }).trim();
}

describe.skipIf(!peersRequired && !existsSync(powershellInstalled))('a grammar of PowerShell reads', () => {
  it('the completion', async () => {
    expect(judged(await newUser().output(['completion', 'powershell']))).toBe('1 statements');
  });

  it('an environment with odd values', () => {
    const set = {
      PLAIN: 'a b',
      QUOTES: `it's "‘so’"`,
      LINES: 'one\ntwo',
      SIGNS: '$x `y` {z} @(1) #',
      EMPTY: '',
    };
    const script = renderEnvironment({ set, unset: ['GONE'] }, 'powershell');
    expect(judged(script)).toBe('6 statements');
    expect(judged(script.replace("'a b'", "'a b"))).toMatch(/^\d+: /);
  });
});
