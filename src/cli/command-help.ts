import type { Command, RouteMap } from '@stricli/core';
import { helpTexts } from './help-texts.js';
import type { Host } from './host.js';
import { fold } from './table.js';

/**
 * The help of a command.
 * @param words of the command, `['engineshed', 'release', 'build']`
 * @param columns how wide its lines may be; a word may be wider
 */
export function commandHelp(command: Command<Host>, words: readonly string[], columns: number): string {
  const name = words.join(' ');
  const { usage, examples } = helpTexts[words.slice(1).join(' ')] ?? { examples: [] };
  const { flags, positional } = parametersOf(command);
  const argumentRows = positional.map(
    (one): Row => [one.optional && usage === undefined ? `[${one.name}]` : one.name, one.brief],
  );
  const flagRows = [
    ...flags.map(({ letter, label, brief }): Row => [`${letter ? `-${letter}, ` : '    '}${label}`, brief]),
    ['-h, --help', 'Print this'] as const,
  ];
  return joined([
    fold(command.brief, columns),
    [
      'USAGE',
      ...(usage ?? [defaultUsage(flags, positional)]).map(
        (line) => `  ${name}${line === '' ? '' : ` ${line}`}`,
      ),
    ],
    command.fullDescription === undefined ? [] : fold(command.fullDescription, columns),
    section('ARGUMENTS', argumentRows, widestLabel, columns),
    section('FLAGS', flagRows, widestLabel, columns),
    section(
      'EXAMPLES',
      examples.map(([line, about]): Row => [line, about === undefined ? '' : `# ${about}`]),
      widestExample,
      columns,
    ),
  ]);
}

/** The help of a command that has commands of its own. Takes what {@link commandHelp} takes. */
export function routeHelp(route: RouteMap<Host>, words: readonly string[], columns: number): string {
  const name = words.join(' ');
  const commands = route.getAllEntries().map(({ name, target }): Row => [name.original, target.brief]);
  return joined([
    fold(route.brief, columns),
    ['USAGE', `  ${name} COMMAND [ARGUMENT...] [FLAG...]`, `  ${name} COMMAND --help`],
    route.fullDescription === undefined ? [] : fold(route.fullDescription, columns),
    section('COMMANDS', commands, widestLabel, columns),
    section('FLAGS', [['-h, --help', 'Print this, or the help of a command']], widestLabel, columns),
  ]);
}

/** What stands left, and what right of it. */
type Row = readonly [left: string, right: string];

interface Flag {
  readonly letter: string | undefined;
  readonly label: string;
  readonly brief: string;
  readonly required: boolean;
}

interface Argument {
  readonly name: string;
  readonly brief: string;
  readonly optional: boolean;
}

/** As the parser has them; it keeps their types to itself. */
interface Parameters {
  readonly aliases?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, FlagParameter>>;
  readonly positional?:
    | { readonly kind: 'tuple'; readonly parameters: readonly ArgumentParameter[] }
    | { readonly kind: 'array'; readonly parameter: ArgumentParameter; readonly minimum?: number };
}

interface FlagParameter {
  readonly kind: string;
  readonly brief: string;
  readonly optional?: boolean;
  readonly default?: unknown;
  readonly placeholder?: string;
  readonly values?: readonly string[];
}

interface ArgumentParameter {
  readonly brief: string;
  readonly placeholder?: string;
  readonly optional?: boolean;
}

function parametersOf(command: Command<Host>): { flags: readonly Flag[]; positional: readonly Argument[] } {
  const { aliases = {}, flags = {}, positional } = command.parameters as Parameters;
  const letters = new Map(Object.entries(aliases).map(([letter, flag]) => [flag, letter]));
  return {
    flags: Object.entries(flags).map(([name, flag]) => ({
      letter: letters.get(name),
      label: flagLabel(name, flag),
      brief: flag.default === undefined ? flag.brief : `${flag.brief} (${String(flag.default)} by default)`,
      required: flag.optional !== true && flag.default === undefined,
    })),
    positional:
      positional === undefined
        ? []
        : positional.kind === 'tuple'
          ? positional.parameters.map((one) => argumentOf(one, '', one.optional === true))
          : [argumentOf(positional.parameter, '...', (positional.minimum ?? 0) === 0)],
  };
}

function argumentOf(
  { placeholder = '', brief }: ArgumentParameter,
  after: string,
  optional: boolean,
): Argument {
  return { name: placeholder.endsWith(after) ? placeholder : `${placeholder}${after}`, brief, optional };
}

function flagLabel(name: string, { kind, placeholder, values = [] }: FlagParameter): string {
  const label = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (kind === 'boolean') return label;
  return `${label} ${placeholder ?? values.join('|')}`;
}

function defaultUsage(flags: readonly Flag[], positional: readonly Argument[]): string {
  return [
    ...positional.map(({ name, optional }) => (optional ? `[${name}]` : name)),
    ...flags.filter(({ required }) => required).map(({ label }) => label),
    ...(flags.some(({ required }) => !required) ? ['[FLAG...]'] : []),
  ].join(' ');
}

/** Where what stands left is wider, the text begins in the next line. */
const widestLabel = 28;
const widestExample = 64;

function section(title: string, rows: readonly Row[], widest: number, columns: number): readonly string[] {
  if (rows.length === 0) return [];
  const fitting = rows.filter(([left]) => left.length <= Math.min(widest, columns / 2));
  const width = Math.max(...fitting.map(([left]) => left.length), 0);
  return [title, ...rows.flatMap(([left, right]) => rowLines(left, right, width, columns))];
}

function rowLines(left: string, right: string, width: number, columns: number): readonly string[] {
  if (right === '') return [`  ${left}`];
  const before = ' '.repeat(width + 4);
  const [first = '', ...others] = fold(right, columns - before.length).map((line) => before + line);
  if (left.length > width) return [`  ${left}`, first, ...others];
  return [`  ${left.padEnd(width)}  ${first.slice(before.length)}`, ...others];
}

/** Paragraphs with a line between them. */
function joined(paragraphs: readonly (readonly string[])[]): string {
  return paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}
