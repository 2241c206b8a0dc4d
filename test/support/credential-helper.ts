import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

/** A credential helper as programs are: it keeps logins in a directory, and records how it was called. */
export interface RecordingHelper {
  /** The directory of the program `docker-credential-NAME`, for the PATH. */
  readonly bin: string;
  /** Its calls: the whole command line as the kernel has it, the input, and the environment. */
  calls(): { commandLine: string; input: string; environment: string }[];
}

/** Installs one; it needs a POSIX shell, `sed` and `/proc`. */
export function recordingHelper(directory: string, name: string): RecordingHelper {
  const [bin, kept, log] = [`${directory}/bin`, `${directory}/kept`, `${directory}/calls`];
  for (const made of [bin, kept, log]) mkdirSync(made, { recursive: true });
  const program = `${bin}/docker-credential-${name}`;
  // One file per server, whose name is the server with "/" and ":" written as "_".
  writeFileSync(
    program,
    `#!/bin/sh
input=$(cat)
call=$(ls '${log}' | wc -l)
{ tr '\\0' ' ' < /proc/$$/cmdline; } > '${log}'/$call
printf '\\n---\\n%s\\n---\\n' "$input" >> '${log}'/$call
env >> '${log}'/$call
file() { printf '%s/%s' '${kept}' "$(printf %s "$1" | tr '/:' '__')"; }
case $1 in
  store)
    server=$(printf %s "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/')
    printf %s "$input" > "$(file "$server")" ;;
  get)
    [ -f "$(file "$input")" ] || { echo 'credentials not found in native keychain'; exit 1; }
    cat "$(file "$input")" ;;
  erase)
    [ -f "$(file "$input")" ] || { echo 'credentials not found in native keychain'; exit 1; }
    rm "$(file "$input")" ;;
  list)
    printf '{'
    first=yes
    for one in '${kept}'/*; do
      [ -f "$one" ] || continue
      [ $first ] || printf ','
      first=
      sed 's/.*"ServerURL":"\\([^"]*\\)".*"Username":"\\([^"]*\\)".*/"\\1":"\\2"/' "$one"
    done
    printf '}' ;;
esac
`,
  );
  chmodSync(program, 0o755);
  return {
    bin,
    calls() {
      const calls = [];
      for (let call = 0; existsSync(`${log}/${call}`); call++) {
        const [commandLine = '', input = '', environment = ''] = readFileSync(`${log}/${call}`, 'utf8').split(
          '\n---\n',
        );
        calls.push({ commandLine: commandLine.trim(), input, environment });
      }
      return calls;
    },
  };
}
