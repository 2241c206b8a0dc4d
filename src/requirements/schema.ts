import validRange from 'semver/ranges/valid.js';
import * as v from 'valibot';
import { canonicalJson, parseJson } from '../oci/index.js';
import { packageManagers, type Requirement } from './types.js';

/** The annotation of a component's image that has its requirements, as a list in JSON. */
export const requiresAnnotation = 'io.github.engineshed.requires';

/** The longest annotation that is read, in bytes. */
const maxAnnotationBytes = 65_536;
/** The most requirements of one component or engine. */
const maxRequirements = 100;

/** What a package can be called. It stands in a command that people copy, and so has nothing that a shell would take up. */
export const packageNameGrammar = /^[A-Za-z0-9][A-Za-z0-9.+_@/-]{0,127}$/;
/** What can be required by name: a program's file name. */
export const requirementNameGrammar = /^[A-Za-z0-9][A-Za-z0-9.+_-]{0,127}$/;

const name = v.pipe(v.string(), v.regex(requirementNameGrammar, 'is no name'));
const line = v.pipe(v.string(), v.nonEmpty(), v.maxLength(1024), v.regex(/^[^\u0000-\u001f\u007f]*$/));
const path = v.pipe(
  line,
  v.check((text) => !/[\\:]/.test(text) && text.split('/').every((part) => !['', '.', '..'].includes(part))),
);

/** A requirement as plain data that came from elsewhere. What is not known here is left out. */
const requirementSchema = v.object({
  name,
  version: v.exactOptional(
    v.pipe(
      line,
      v.check((text) => validRange(text) !== null, 'is no range'),
    ),
  ),
  versionCommand: v.exactOptional(
    v.pipe(
      v.array(line),
      v.maxLength(20),
      v.check(([program = '']) => requirementNameGrammar.test(program)),
    ),
  ),
  check: v.exactOptional(path),
  part: v.exactOptional(line),
  packages: v.exactOptional(
    v.record(v.picklist(packageManagers), v.pipe(v.string(), v.regex(packageNameGrammar))),
  ),
  hint: v.exactOptional(line),
});

/** Requirements as plain data that came from elsewhere. */
export const requirementsSchema = v.pipe(v.array(requirementSchema), v.maxLength(maxRequirements));

/** The value of {@link requiresAnnotation}. */
export function formatRequirements(requirements: readonly Requirement[]): string {
  return canonicalJson(requirements);
}

/**
 * Reads the value of {@link requiresAnnotation}.
 * @returns the requirements; undefined where it is malformed
 */
export function parseRequirements(text: string): Requirement[] | undefined {
  const bytes = Buffer.from(text);
  if (bytes.byteLength > maxAnnotationBytes) return undefined;
  try {
    const result = v.safeParse(requirementsSchema, parseJson(bytes, 'annotation'));
    return result.success ? (result.output as Requirement[]) : undefined;
  } catch {
    return undefined;
  }
}
