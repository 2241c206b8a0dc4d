import * as v from 'valibot';
import { commandFault } from '../engine/names.js';
import { packageNameGrammar, requirementNameGrammar } from '../requirements/index.js';
import {
  filledText,
  name,
  oneOf,
  path,
  platformPaths,
  table,
  tableOf,
  text,
  textOr,
  value,
  variable,
} from './schema-terms.js';

/** Where a component comes from. */
export const source = v.pipe(
  table({
    image: v.optional(filledText),
    layout: v.optional(filledText),
    directory: v.optional(filledText),
  }),
  oneOf(['image', 'layout', 'directory']),
);

/** What takes the place of a source of the pinned engine. */
export const override = v.pipe(
  table({
    image: v.optional(filledText),
    layout: v.optional(filledText),
    directory: v.optional(filledText),
    tag: v.optional(filledText),
    digest: v.optional(filledText),
  }),
  v.check(
    ({ image, layout, directory, tag, digest }) =>
      [image, layout, directory, tag ?? digest].filter((entry) => entry !== undefined).length === 1,
    'must have exactly one of image, layout, directory, or else a tag or a digest',
  ),
);

const part = table({ source: name, path: v.optional(path, '.'), versions: v.optional(filledText) });

const ruleTable = v.pipe(
  table({
    value: v.optional(value),
    part: v.optional(name),
    path: v.optional(textOr(path, platformPaths)),
    parts: v.optional(v.pipe(v.array(name, 'must be a list of part types'), v.nonEmpty('must not be empty'))),
    separator: v.optional(v.pipe(value, v.nonEmpty('must not be empty'))),
    'has-part': v.optional(name),
    yes: v.optional(value),
    no: v.optional(value),
  }),
  oneOf(['value', 'part', 'parts', 'has-part']),
  v.check((rule) => (rule.path === undefined ? true : rule.part !== undefined), 'has "path" without "part"'),
  v.check(
    (rule) => (rule.parts === undefined) === (rule.separator === undefined),
    'needs both "parts" and "separator"',
  ),
  v.check(
    (rule) => new Set([rule['has-part'], rule.yes, rule.no].map((entry) => entry === undefined)).size === 1,
    'needs all of "has-part", "yes" and "no"',
  ),
);
const rule = textOr(value, ruleTable);

const commandName = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    const fault = dataset.typed ? commandFault(dataset.value) : undefined;
    if (fault !== undefined) addIssue({ message: `cannot be the name of a command: ${fault}` });
  }),
);
const command = table({ part: name, path: textOr(path, platformPaths) });

/** The commands of an engine. */
export const commands = v.pipe(
  tableOf(commandName, command),
  v.check(
    (entries) =>
      new Set(Object.keys(entries).map((key) => key.toLowerCase())).size === Object.keys(entries).length,
    'has two commands whose names differ in upper and lower case only',
  ),
);
/** What a tool or a check is called. */
const requirementName = v.pipe(
  v.string(),
  v.regex(requirementNameGrammar, 'cannot be required: write the name of a program'),
);
const packageName = v.pipe(filledText, v.regex(packageNameGrammar, 'cannot be the name of a package'));
const requirementTable = table({
  version: v.exactOptional(filledText),
  'version-command': v.exactOptional(
    v.pipe(
      v.array(filledText, 'must be a list: the program and its arguments'),
      v.nonEmpty('must not be empty'),
      v.check(
        ([program = '']) => requirementNameGrammar.test(program),
        'must begin with the name of a program, which is looked for on the PATH',
      ),
    ),
  ),
  check: v.exactOptional(path),
  part: v.exactOptional(name),
  packages: v.exactOptional(
    table({
      apt: v.exactOptional(packageName),
      apk: v.exactOptional(packageName),
      dnf: v.exactOptional(packageName),
      zypper: v.exactOptional(packageName),
      pacman: v.exactOptional(packageName),
      brew: v.exactOptional(packageName),
      winget: v.exactOptional(packageName),
    }),
  ),
  hint: v.exactOptional(filledText),
});
/** What a component or engine needs of the machine. */
export const requires = tableOf(requirementName, textOr(filledText, requirementTable));

/** The parts of an engine. */
export const parts = tableOf(name, part);
/** The variables of an engine. */
export const environment = tableOf(variable, rule);

/** An engine. */
export const engine = v.pipe(
  table({
    extends: v.optional(filledText),
    description: v.optional(text),
    kind: v.optional(v.picklist(['channel', 'custom'], 'must be "channel" or "custom"')),
    sources: v.optional(
      v.pipe(
        tableOf(name, source),
        v.check((sources) => Object.keys(sources).length > 0, 'must have at least one source'),
      ),
    ),
    parts: v.optional(textOr(name, parts)),
    environment: v.optional(textOr(name, environment)),
    commands: v.optional(textOr(name, commands)),
    requires: v.optional(textOr(name, requires)),
  }),
  v.check(
    ({ extends: base, sources }) => base !== undefined || sources !== undefined,
    'needs the key "sources", or "extends" with the name of another engine',
  ),
);
