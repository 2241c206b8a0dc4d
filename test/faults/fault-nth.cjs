// Loaded before the program: lets one of its calls that change the file system fail, or kills the process there.
// FAULT_AT: which call, from 1 (none without it); FAULT: `kill` or the code of an error; FAULT_COUNT: a file that gets the count.
const fs = require('node:fs');

const { FAULT_AT, FAULT, FAULT_COUNT } = process.env;
const changing = [
  ...[
    'openSync',
    'writeSync',
    'fsyncSync',
    'mkdirSync',
    'renameSync',
    'symlinkSync',
    'linkSync',
    'unlinkSync',
  ],
  ...['rmdirSync', 'rmSync', 'chmodSync', 'fchmodSync', 'copyFileSync', 'writeFileSync'],
];
let calls = 0;

function meet(name, path) {
  calls++;
  if (calls !== Number(FAULT_AT)) return;
  if (FAULT === 'kill') process.kill(process.pid, 'SIGKILL');
  throw Object.assign(new Error(`${FAULT}: injected, ${name} '${path}'`), {
    code: FAULT,
    syscall: name,
    path,
  });
}

for (const name of changing) {
  const real = fs[name];
  fs[name] = (...args) => {
    // Opening for reading changes nothing.
    if (name !== 'openSync' || /^(w|a|r\+)/.test(String(args[1])) || Number(args[1]) > 0) {
      meet(name, typeof args[0] === 'string' ? args[0] : '');
    }
    return real(...args);
  };
}
const { open } = fs.promises;
fs.promises.open = async (...args) => {
  meet('open', args[0]);
  return open(...args);
};
if (FAULT_COUNT)
  process.on('exit', () =>
    require('node:child_process').execFileSync('sh', ['-c', `echo ${calls} > "$0"`, FAULT_COUNT]),
  );
