import { type Fault, invalid, unsafe } from './faults.js';
import { encodeName } from './names.js';

/** The most bytes of one component of a path. */
const maxComponent = 255;
/** The most bytes of a path. */
const maxPath = 4096;
/** The most components of a path. */
const maxDepth = 256;

const drive = /^[A-Za-z]:/;
/** Components of printable ASCII, none empty, `.` or `..`: nearly all names, told by one match. */
const ordinary = /^(?:(?!\.\.?\/)[ -.0-[\]-~]+\/)*(?!\.\.?\/?$)[ -.0-[\]-~]+\/?$/;
const secondControls = /[\u0080-\u009f]/;

/**
 * Checks the name of an entry and brings it into its one form: no `.` components, no doubled or trailing slashes, so that
 * `./a//b/` is `a/b`; the root itself is the empty string. Pure: nothing is said of what is on disk.
 */
export function checkPath(name: string): string | Fault {
  if (name.length < maxComponent && ordinary.test(name) && !drive.test(name)) {
    return name.endsWith('/') ? name.slice(0, -1) : name;
  }
  if (name === '') return invalid('its name is empty');
  if (name.startsWith('/')) return unsafe('its name is absolute');
  if (drive.test(name)) return unsafe('its name begins with a drive letter');
  let plain = true;
  let ascii = true;
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= name.length; at++) {
    const code = at === name.length ? slash : name.charCodeAt(at);
    if (code === slash) {
      const length = at - start;
      if (length === 0 || (length === 1 && name.charCodeAt(start) === dot)) plain = false;
      else if (length === 2 && name.charCodeAt(start) === dot && name.charCodeAt(start + 1) === dot) {
        return unsafe('its name has ".." in it');
      } else depth++;
      if (length > maxComponent) return invalid(`a part of its name has more than ${maxComponent} bytes`);
      start = at + 1;
    } else if (code < 0x20 || code === 0x7f) return unsafe('its name has a control character');
    else if (code === backslash) return unsafe('its name has a backslash');
    else if (code >= 0x80) ascii = false;
  }
  if (name.length > maxPath) return invalid(`its name has more than ${maxPath} bytes`);
  if (depth > maxDepth) return invalid(`it is more than ${maxDepth} directories deep`);
  if (!ascii) {
    const fault = checkBeyondAscii(name);
    if (fault !== undefined) return fault;
  }
  if (plain) return name;
  const path = name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
  return drive.test(path) ? unsafe('its name begins with a drive letter') : path;
}

/** Checks the text of a symbolic link's target, wherever it leads. */
export function checkTargetText(target: string): Fault | undefined {
  if (target === '') return invalid('its link target is empty');
  if (/[\u0000-\u001f\u007f-\u009f]/.test(target)) return unsafe('its link target has a control character');
  if (target.includes('\\')) return unsafe('its link target has a backslash');
  if (target.length >= maxPath || encodeName(target).length >= maxPath) {
    return invalid(`its link target has ${maxPath} bytes or more`);
  }
  return undefined;
}

/** Tells whether a link target is absolute on any system. */
export function isAbsoluteTarget(target: string): boolean {
  return target.startsWith('/') || drive.test(target);
}

function checkBeyondAscii(name: string): Fault | undefined {
  if (secondControls.test(name)) return unsafe('its name has a control character');
  if (encodeName(name).length > maxPath) return invalid(`its name has more than ${maxPath} bytes`);
  const long = name.split('/').some((part) => encodeName(part).length > maxComponent);
  return long ? invalid(`a part of its name has more than ${maxComponent} bytes`) : undefined;
}

const slash = 0x2f;
const dot = 0x2e;
const backslash = 0x5c;
