import { EngineshedError } from '../../errors/index.js';

/** The sections of INI files by name, each with its values by key. */
export type IniSections = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** An INI file: what it is called in messages, and its text. */
export interface IniText {
  readonly name: string;
  readonly text: string;
}

const headerLine = /^\[(.+)\]/;
const optionLine = /^(.*?)\s*(?:[=:]\s*(.*))$/;
const maxInterpolations = 10;

/**
 * Reads INI files as Python's `ConfigParser` does with its defaults, keys as they are written: `=` or `:`, lines that go on where
 * they are indented, `#` and `;` before a comment, `[DEFAULT]`, `%(key)s` and `%%`. Of one key in several files the last counts.
 * @throws EngineshedError `CONFIG_INVALID` with the file and the line
 */
export function readIni(files: readonly IniText[]): IniSections {
  const raw = new Map<string, Map<string, string>>();
  for (const file of files) new IniReader(file, raw).read();
  const defaults = raw.get('DEFAULT') ?? new Map<string, string>();
  return new Map(
    [...raw]
      .filter(([name]) => name !== 'DEFAULT')
      .map(([name, section]) => {
        const all = new Map([...defaults, ...section]);
        const values = [...all].map(([key, value]): [string, string] => [
          key,
          interpolate(value, all, `${name}: ${key}`, 0),
        ]);
        return [name, new Map(values)];
      }),
  );
}

class IniReader {
  readonly #file: IniText;
  readonly #sections: Map<string, Map<string, string>>;
  readonly #own = new Set<string>();
  #section: { readonly name: string; readonly values: Map<string, string> } | undefined;
  #option: { readonly key: string; readonly indent: number; readonly lines: string[] } | undefined;

  constructor(file: IniText, sections: Map<string, Map<string, string>>) {
    this.#file = file;
    this.#sections = sections;
  }

  read(): void {
    for (const [at, line] of this.#file.text
      .replace(/^\ufeff/, '')
      .split(/\r\n|\n|\r/)
      .entries())
      this.#line(line, at + 1);
    this.#endOption();
  }

  #line(line: string, number: number): void {
    const text = line.trim();
    if (/^[#;]/.test(text)) return;
    if (text === '') {
      this.#option?.lines.push('');
      return;
    }
    const indent = line.length - line.trimStart().length;
    if (this.#option !== undefined && indent > this.#option.indent) {
      this.#option.lines.push(text);
      return;
    }
    this.#endOption();
    const header = headerLine.exec(text);
    if (header !== null) this.#begin(header[1] as string, number);
    else this.#beginOption(text, indent, number);
  }

  #begin(name: string, number: number): void {
    if (name !== 'DEFAULT' && this.#own.has(name))
      throw this.#fault(number, `the section [${name}] stands there twice`);
    this.#own.add(name);
    const values = this.#sections.get(name) ?? new Map<string, string>();
    this.#sections.set(name, values);
    this.#section = { name, values };
  }

  #beginOption(text: string, indent: number, number: number): void {
    const [, key = '', value = ''] = optionLine.exec(text) ?? [];
    if (this.#section === undefined) throw this.#fault(number, 'there is no [section] before it');
    if (key === '') throw this.#fault(number, `"${text.slice(0, 80)}" is no "key = value"`);
    const known = `${this.#section.name}\n${key}`;
    if (this.#own.has(known))
      throw this.#fault(number, `${key} stands there twice in [${this.#section.name}]`);
    this.#own.add(known);
    this.#option = { key, indent, lines: [value] };
  }

  #endOption(): void {
    if (this.#option !== undefined)
      this.#section?.values.set(this.#option.key, this.#option.lines.join('\n').trimEnd());
    this.#option = undefined;
  }

  #fault(line: number, problem: string): EngineshedError {
    return new EngineshedError('CONFIG_INVALID', `${this.#file.name}:${line}: ${problem}`, {
      details: { path: this.#file.name },
    });
  }
}

function interpolate(value: string, all: ReadonlyMap<string, string>, where: string, depth: number): string {
  return value.replace(/%(?:%|\(([^)]*)\)s|)/g, (found, key: string | undefined) => {
    if (found === '%%') return '%';
    const other = key === undefined ? undefined : all.get(key);
    if (other !== undefined && depth < maxInterpolations) return interpolate(other, all, where, depth + 1);
    throw new EngineshedError('CONFIG_INVALID', `[${where}] has a "%" that stands for nothing`, {
      hint: 'Write %% for a percent sign, and %(key)s for the value of another key.',
    });
  });
}
