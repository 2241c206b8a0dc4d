import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EnvironmentFormat, environmentFormats, renderEnvironment } from '../../src/engine/index.js';
import { isEngineshedError } from '../../src/errors/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';

/** How each shell is started on a script that evaluates the printed text (`$1` is its file) and prints what it exports. */
const shells: { format: EnvironmentFormat; command: string[]; script: string }[] = [
  { format: 'sh', command: ['sh', '-c'], script: '. "$1"; exec env -0' },
  { format: 'sh', command: ['dash', '-uec'], script: 'eval "$(cat "$1")"; exec env -0' },
  { format: 'sh', command: ['bash', '--norc', '--posix', '-uec'], script: '. "$1"; exec env -0' },
  { format: 'bash', command: ['bash', '--norc', '-uec'], script: 'eval "$(cat "$1")"; exec env -0' },
  { format: 'zsh', command: ['zsh', '-fuec'], script: 'eval "$(cat "$1")"; exec env -0' },
  {
    format: 'zsh',
    command: ['zsh', '-f', '-o', 'rc_quotes', '-o', 'bang_hist', '-c'],
    script: '. "$1"; exec env -0',
  },
  {
    format: 'fish',
    command: ['fish', '--no-config', '-c'],
    script: 'source $argv[2]; or exit 1; exec env -0',
  },
  {
    format: 'powershell',
    command: ['pwsh', '-NoProfile', '-NonInteractive', '-Command'],
    script: '& { param($n, $f) Get-Content -Raw $f | Invoke-Expression; env -0 }',
  },
];
const required = process.env.ENGINESHED_REQUIRE_PEERS === '1';

const awkward = {
  EMPTY: '',
  QUOTES: `'"''""'`,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the characters themselves are meant
  SUBSTITUTION: '$(echo x) `echo y` $HOME ${HOME} $$ ~ *',
  NEWLINES: '\na\n\nb\n',
  CARRIAGE: 'a\r\nb\r',
  BACKSLASHES: `\\ \\\\ \\n \\' \\" a\\`,
  DASH: '-n --help',
  UNICODE: 'grün 日本 😀 \u0301 \u2018\u2019\u201a\u201b \u202e',
  HISTORY: '!! !$ a!b ^x^y',
  BLANK: ' \t lead and trail \t ',
  MARKS: '; & | < > ( ) { } [ ] # % = , : ? @ ~',
  CONTROL: '\u0001\u001b[31m\u007f',
  A_PATH: '/a::/b:',
  lower_case: 'x',
  __proto__x: 'x',
};
const environments = fc.dictionary(
  fc.stringMatching(/^E_[A-Za-z0-9_]{0,12}$/),
  fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'\'"\\$(){}`! \n\r\t;-aé‘’#=~*&|') }),
  ),
  { maxKeys: 12, noNullPrototype: true },
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'engineshed-render-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(shells)(
  '$format read by $command',
  ({ format, command: [program = '', ...options], script }) => {
    const missing = spawnSync(program, ['-c', 'exit']).error !== undefined;
    const it_ = it.skipIf(missing && !(required && program !== 'pwsh'));
    const read = (text: string, inherited: Record<string, string> = {}, locale = 'C.UTF-8') => {
      const file = join(folder, 'env');
      writeFileSync(file, text);
      const { PATH = '' } = process.env;
      const env = { ...inherited, PATH, HOME: folder, LC_ALL: locale };
      const ran = spawnSync(program, [...options, script, 'name', file], { env, encoding: 'utf8' });
      expect(ran.stderr).toBe('');
      expect(ran.status).toBe(0);
      return parseNul(ran.stdout);
    };

    it_('D04 reads every awkward value as it was', () => {
      expect(read(renderEnvironment({ set: awkward, unset: [] }, format))).toMatchObject(awkward);
    });

    it_('D04 reads them in the C locale as well', () => {
      expect(read(renderEnvironment({ set: awkward, unset: [] }, format), {}, 'C')).toMatchObject(awkward);
    });

    it_('D04 unsets what was set before, and nothing else', () => {
      const text = renderEnvironment({ set: { KEPT: 'new' }, unset: ['GONE', 'NEVER_THERE'] }, format);
      const found = read(text, { GONE: 'x', KEPT: 'old', OTHER: 'y' });
      expect(found).toMatchObject({ KEPT: 'new', OTHER: 'y' });
      expect(found).not.toHaveProperty('GONE');
    });

    it_('D04 reads any value as it was', { timeout: fuzzTimeout }, () => {
      fc.assert(
        fc.property(environments, (set) => {
          const wanted = expressible(set);
          expect(read(renderEnvironment({ set: wanted, unset: [] }, format))).toMatchObject(wanted);
        }),
        fuzzing(40),
      );
    });
  },
);

it('D04 an interactive bash, which expands history, reads "!" as it was', () => {
  const text = renderEnvironment({ set: { E_HISTORY: 'a!!b !$' }, unset: [] }, 'bash');
  const ran = spawnSync('bash', ['--norc', '--noprofile', '-i'], {
    input: `echo first\n${text}env -0\nexit\n`,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HISTFILE: '' },
  });
  expect(parseNul(ran.stdout.replace('first\n', ''))).toMatchObject({ E_HISTORY: 'a!!b !$' });
});

it('D04 survives an eval that joins the lines', () => {
  const text = renderEnvironment({ set: { E_ONE: '1', E_TWO: '2' }, unset: ['E_THREE'] }, 'sh');
  const ran = spawnSync('sh', ['-c', 'eval $(printf %s "$TEXT"); exec env -0'], {
    env: { PATH: process.env.PATH, TEXT: text, E_THREE: 'x' },
    encoding: 'utf8',
  });
  const found = parseNul(ran.stdout);
  expect(found).toMatchObject({ E_ONE: '1', E_TWO: '2' });
  expect(found).not.toHaveProperty('E_THREE');
});

it('D04 JSON gives set and unset back', { timeout: fuzzTimeout }, () => {
  fc.assert(
    fc.property(environments, fc.array(fc.stringMatching(/^[A-Za-z_]\w{0,8}$/)), (set, unset) => {
      const environment = { set: expressible(set), unset };
      const text = renderEnvironment(environment, 'json');
      expect(text.endsWith('}\n') && !text.trimEnd().includes('\n')).toBe(true);
      expect(JSON.parse(text)).toEqual(environment);
    }),
    fuzzing(100),
  );
});

it('D04 PowerShell doubles every character that it takes for a quote', () => {
  const set = { E_QUOTES: "a'b\u2018c\u2019d\u201ae\u201bf`$x" };
  expect(renderEnvironment({ set, unset: ['E_GONE'] }, 'powershell')).toBe(
    "$env:E_QUOTES = 'a''b\u2018\u2018c\u2019\u2019d\u201a\u201ae\u201b\u201bf`$x';\n$env:E_GONE = $null;\n",
  );
});

describe('dotenv', () => {
  const readable = (set: Record<string, string>): [Record<string, string>, string] => {
    const kept = Object.entries(expressible(set)).filter(([name, value]) => {
      try {
        renderEnvironment({ set: { [name]: value }, unset: [] }, 'dotenv');
        return true;
      } catch (error) {
        expect(isEngineshedError(error, 'CONFIG_INVALID')).toBe(true);
        return false;
      }
    });
    const environment = Object.fromEntries(kept);
    return [environment, renderEnvironment({ set: environment, unset: ['LEFT_OUT'] }, 'dotenv')];
  };
  const python = spawnSync('python3', ['-c', 'import dotenv.main']).status === 0;
  const readPython = (text: string): Record<string, string> => {
    const program =
      'import dotenv,io,json,sys; print(json.dumps(dict(dotenv.dotenv_values(stream=io.StringIO(sys.stdin.read(), newline=""), encoding="utf8"))))';
    const ran = spawnSync('python3', ['-c', program], {
      input: text,
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', PYTHONUTF8: '1' },
    });
    expect(ran.stderr).toBe('');
    return JSON.parse(ran.stdout);
  };

  it("D04 Node's own reader gives back what was written", { timeout: fuzzTimeout }, () => {
    fc.assert(
      fc.property(environments, (set) => {
        const [wanted, text] = readable(set);
        expect(parseEnv(text)).toEqual(wanted);
      }),
      fuzzing(2000),
    );
  });

  it.skipIf(!python)('D04 python-dotenv gives back the same', { timeout: fuzzTimeout }, () => {
    fc.assert(
      fc.property(environments, (set) => {
        const [wanted, text] = readable(set);
        expect(readPython(text)).toEqual(wanted);
      }),
      fuzzing(40),
    );
  });

  it('D04 writes what needs no quotes without them, as docker reads it', () => {
    const set = { A: '/opt/x:/y', B: '', C: 'C:\\Users\\x', D: '-x=1;é' };
    expect(renderEnvironment({ set, unset: ['E'] }, 'dotenv')).toBe(
      'A=/opt/x:/y\nB=\nC=C:\\Users\\x\nD=-x=1;é\n',
    );
  });

  it.each([
    ['carriage return', 'a\rb'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the characters themselves are meant
    ['${', 'a ${b}'],
    ['both kinds of quotes', `'"`],
    ['backslash', `it's \\n`],
    ['backslash', 'a b\\'],
    ['backslash', 'a \\\\ b'],
  ])('D04 refuses what its readers disagree on: %s in %j', (what, value) => {
    expect(() => renderEnvironment({ set: { NAME: value }, unset: [] }, 'dotenv')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(what) }),
    );
  });
});

describe.each(environmentFormats)('%s', (format) => {
  it.each(['', '1A', 'A-B', 'A B', 'A=B', 'A\n', 'Ä', '-A', 'A\0', 'A;B', '$(x)'])(
    'D04 rejects %j as a name to set and to unset',
    (name) => {
      const invalid = expect.objectContaining({ code: 'CONFIG_INVALID' });
      expect(() => renderEnvironment({ set: { [name]: 'x' }, unset: [] }, format)).toThrow(invalid);
      expect(() => renderEnvironment({ set: {}, unset: [name] }, format)).toThrow(invalid);
    },
  );

  it.each(['a\0b', '\0', '\ud800', 'x\udc00y'])('D04 rejects the value %j', (value) => {
    expect(() => renderEnvironment({ set: { NAME: value }, unset: [] }, format)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('NAME') }),
    );
  });
});

/** Without what no environment can hold. */
function expressible(set: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(set).filter(([, value]) => !value.includes('\0') && !/\p{Surrogate}/u.test(value)),
  );
}

function parseNul(text: string): Record<string, string> {
  const entries = text.split('\0').filter((entry) => entry.includes('='));
  return Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}
