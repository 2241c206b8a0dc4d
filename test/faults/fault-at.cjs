// Loaded before the program: counts its file-system calls below a directory, and lets one of them kill the process or fail.
//   FAULT_ROOT   the directory; calls elsewhere, such as those that load the program, do not count
//   FAULT_AT     which call, from 1; none without it
//   FAULT        `kill`, or a number: the call fails with one of the errors that it can have, in turn by that number. `7+`: and so does
//                every later call that changes something and can have that error
//   FAULT_LOG    a file that gets a line per call: `w` (changes something) or `r`, its name, its path; and `!` with what struck
const fs = require('node:fs');
const os = require('node:os');

const { FAULT_ROOT = '/nowhere', FAULT_AT, FAULT = '', FAULT_LOG } = process.env;
const at = Number(FAULT_AT);
/** The error that struck. */
let code;
const writeNow = fs.writeSync;
const log = FAULT_LOG ? fs.openSync(FAULT_LOG, 'w') : undefined;

/** Calls by their name in `node:fs` (`unlink` stands for `unlinkSync`, the one with a callback and the one with a promise). */
const changing = new Set(
  [
    [
      'mkdir',
      'mkdtemp',
      'rename',
      'symlink',
      'link',
      'unlink',
      'rmdir',
      'rm',
      'cp',
      'copyFile',
      'writeFile',
      'appendFile',
    ],
    ['chmod', 'chown', 'utimes', 'truncate'],
    ['write', 'writev', 'fsync', 'fdatasync', 'ftruncate', 'fchmod', 'fchown', 'futimes'],
  ].flat(),
);
const reading = new Set(
  [
    ['readFile', 'readdir', 'opendir', 'readlink', 'lstat', 'stat', 'realpath', 'access', 'exists'],
    ['read', 'readv', 'fstat'],
  ].flat(),
);
/** Which calls an error can befall. */
const onPaths =
  'open|mkdir|mkdtemp|rename|symlink|link|unlink|rmdir|rm|cp|copyFile|writeFile|appendFile|chmod|chown|utimes|truncate';
const growing = 'open|write|writev|mkdir|mkdtemp|rename|symlink|link|fsync|writeFile|appendFile|copyFile|cp';
const befalls = {
  EIO: /./,
  ENOSPC: new RegExp(`^(${growing})$`),
  EACCES: new RegExp(`^(${onPaths}|readFile|readdir|opendir|readlink|lstat|stat|realpath)$`),
  EDQUOT: new RegExp(`^(${growing})$`),
  EROFS: new RegExp(`^(${onPaths})$`),
  EXDEV: /^(rename|link)$/,
  EMFILE: /^(open|readFile|writeFile|appendFile|copyFile|readdir|opendir)$/,
};
// What makes room does not need any, and what is only read can be read.
const writesOnly = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

function errorsOf(name, kind) {
  return Object.keys(befalls).filter(
    (each) => befalls[each].test(name) && (kind === 'w' || !writesOnly.has(each)),
  );
}

let calls = 0;
let depth = 0;
/** Descriptors that were opened below the directory, with their paths. */
const opened = new Map();

function isInside(path) {
  if (typeof path === 'number') return opened.has(path);
  const text = Buffer.isBuffer(path) ? path.toString('latin1') : path instanceof URL ? path.pathname : path;
  if (typeof text !== 'string') return false;
  return !text.startsWith('/') || text === FAULT_ROOT || text.startsWith(`${FAULT_ROOT}/`);
}

/** Notes a call, and strikes if it is the one. Gives the error that it is to end with. */
function meet(name, kind, path) {
  calls++;
  const shown = typeof path === 'number' ? opened.get(path) : String(path);
  if (log !== undefined) writeNow(log, `${kind} ${name} ${shown}\n`);
  if (calls === at && FAULT === 'kill') process.kill(process.pid, 'SIGKILL');
  if (calls === at) {
    const errors = errorsOf(name, kind);
    code = errors[Number.parseInt(FAULT, 10) % errors.length];
    if (log !== undefined) writeNow(log, `! ${code} ${name} ${shown}\n`);
  } else if (
    !(code !== undefined && FAULT.endsWith('+') && kind === 'w' && errorsOf(name, kind).includes(code))
  ) {
    return undefined;
  }
  const error = new Error(`${code}: injected, ${name} '${shown}'`);
  return Object.assign(error, { code, syscall: name, path: shown, errno: -os.constants.errno[code] });
}

function pathOf(name, args) {
  if (name === 'symlink') return args[1];
  if (name === 'rename' || name === 'link') return isInside(args[1]) ? args[1] : args[0];
  return args[0];
}

function opensToWrite(flags) {
  return typeof flags === 'number'
    ? (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) > 0
    : !/^rs?$/.test(flags ?? 'r');
}

function kindOf(name, args) {
  if (name === 'open') return opensToWrite(args[1]) ? 'w' : 'r';
  return changing.has(name) ? 'w' : 'r';
}

/** What one of ours does inside is its own affair: one call is one point. */
function inner(work) {
  depth++;
  try {
    return work();
  } finally {
    depth--;
  }
}

for (const name of ['open', ...changing, ...reading]) {
  const inSync = `${name}Sync`;
  const realSync = fs[inSync];
  if (realSync !== undefined) {
    fs[inSync] = Object.assign((...args) => {
      const path = pathOf(name, args);
      if (depth > 0 || !isInside(path)) return realSync(...args);
      const error = meet(name, kindOf(name, args), path);
      if (error !== undefined && name === 'exists') return false;
      if (error !== undefined) throw error;
      const result = inner(() => realSync(...args));
      if (name === 'open') opened.set(result, path);
      return result;
    }, realSync);
  }
  const real = fs[name];
  if (real !== undefined) {
    fs[name] = (...args) => {
      const path = pathOf(name, args);
      if (depth > 0 || !isInside(path)) return real(...args);
      const callback = args.at(-1);
      const error = meet(name, kindOf(name, args), path);
      if (error !== undefined) return process.nextTick(callback, error);
      if (name === 'open') {
        args[args.length - 1] = (failure, fd) => {
          if (!failure) opened.set(fd, path);
          callback(failure, fd);
        };
      }
      return real(...args);
    };
  }
  const promised = fs.promises[name];
  if (promised !== undefined) {
    fs.promises[name] = async (...args) => {
      const path = pathOf(name, args);
      if (!isInside(path)) return promised(...args);
      const error = meet(name, kindOf(name, args), path);
      if (error !== undefined) throw error;
      const result = await promised(...args);
      if (name === 'open') watchHandle(result, path);
      return result;
    };
  }
}

const close = fs.closeSync;
fs.closeSync = (fd) => {
  opened.delete(fd);
  return close(fd);
};

function watchHandle(handle, path) {
  opened.set(handle.fd, path);
  const methods = {
    write: 'write',
    writeFile: 'write',
    truncate: 'ftruncate',
    sync: 'fsync',
    datasync: 'fdatasync',
  };
  for (const [method, name] of Object.entries({ ...methods, stat: 'fstat', read: 'read', chmod: 'fchmod' })) {
    const real = handle[method].bind(handle);
    handle[method] = async (...args) => {
      const error = meet(name, changing.has(name) ? 'w' : 'r', handle.fd);
      if (error !== undefined) throw error;
      return real(...args);
    };
  }
}
