import { EngineshedError } from '../errors/index.js';

const nameGrammar = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const variableGrammar = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Checks an engine's name, so that it is safe as a file name and cannot pose as an option: 1 to 128 letters, digits, `.`,
 * `_` or `-`, the first a letter or digit.
 * @returns the name
 * @throws EngineshedError `NAME_INVALID`
 */
export function parseEngineName(text: string): string {
  const fault = nameFault(text);
  if (fault === undefined) return text;
  throw new EngineshedError('NAME_INVALID', `"${text.slice(0, 140)}" is not an engine name: ${fault}`, {
    hint: /^[^@]+@[0-9a-f]+$/.test(text)
      ? 'Name the engine alone, without an id. To an earlier state of it goes: engineshed rollback'
      : 'A name has 1 to 128 letters, digits, ".", "_" or "-", and starts with a letter or a digit.',
  });
}

/**
 * What keeps `text` from being the name of an engine, of a source or of a part type, which share one grammar; undefined
 * where nothing does.
 */
export function nameFault(text: string): string | undefined {
  if (nameGrammar.test(text)) return undefined;
  if (text === '') return 'it is empty';
  if (/^[._-]/.test(text)) return `it starts with "${text.charAt(0)}"`;
  const bad = /[^A-Za-z0-9._-]/u.exec(text)?.[0];
  return bad === undefined
    ? `it has ${text.length} characters, 128 are allowed`
    : `it has the character "${bad}"`;
}

/** An engine by its name, or one exact state of it. */
export interface NamedEngine {
  readonly name: string;
  /** The id of the state; undefined for the one that the name stands for. */
  readonly id: string | undefined;
}

/**
 * Reads `NAME` or `NAME@ID`.
 * @throws EngineshedError `NAME_INVALID`
 */
export function parseNamedEngine(text: string): NamedEngine {
  const at = text.indexOf('@');
  if (at < 0) return { name: parseEngineName(text), id: undefined };
  const [name, id] = [text.slice(0, at), text.slice(at + 1)];
  if (isStateId(id)) return { name: parseEngineName(name), id };
  throw new EngineshedError('NAME_INVALID', `"${text.slice(0, 160)}" is no state of an engine`, {
    hint: 'Write NAME, or NAME@ID with the 16 hexadecimal digits of the id, as "engineshed list --json" prints it.',
  });
}

/** `NAME`, or `NAME@ID` where one exact state is meant. */
export function formatNamedEngine({ name, id }: NamedEngine): string {
  return id === undefined ? name : `${name}@${id}`;
}

/** Tells whether `text` can be the id of a state. */
export function isStateId(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}

/** What keeps `text` from being the name of a command of an engine; undefined where nothing does. */
export function commandFault(text: string): string | undefined {
  const isOurs = text.toLowerCase() === 'engineshed';
  return isOurs ? 'it is the name of Engineshed itself' : nameFault(text);
}

/** Tells whether `text` can name an environment variable in every shell (POSIX, "Name"). */
export function isVariableName(text: string): boolean {
  return variableGrammar.test(text);
}

/**
 * Variables by which any program is made to run code of somebody's choosing, or is led elsewhere: those of the loader, of shells and
 * of interpreters, of git, of proxies and authorities, of Windows, and our own. Upper and lower case do not count, as on Windows.
 */
const steering =
  /^(?:LD_.*|DYLD_.*|GCONV_PATH|PATH|HOME|IFS|ENV|CDPATH|SHELL|SHELLOPTS|BASHOPTS|BASH_ENV|BASH_FUNC_.*|PS4|PROMPT_COMMAND|ZDOTDIR|FPATH|NODE_.*|PYTHON.*|PERL5?.*|RUBY.*|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS|CLASSPATH|GIT_.*|EDITOR|VISUAL|PAGER|SSL_CERT_.*|CURL_CA_BUNDLE|XDG_.*|DOCKER_.*|REGISTRY_AUTH_FILE|CONTAINERS_.*|ENGINESHED_.*|PATHEXT|COMSPEC|SYSTEMROOT|WINDIR|SYSTEMDRIVE|PROGRAM(?:FILES|DATA|W6432).*|(?:LOCAL)?APPDATA|USERPROFILE|HOMEDRIVE|HOMEPATH|PSMODULEPATH|SHED_.*)$/i;

/**
 * Tells whether an engine that somebody else made may set a variable. What a user's own catalog sets is the user's choice; a file
 * with an engine must not take hold of every program that is started with it.
 */
export function mayComeFromElsewhere(name: string): boolean {
  return !steering.test(name) && !/^(?:https?|all|no)_proxy$/i.test(name);
}

/**
 * Programs that people and other programs start without a second thought, and that they trust: shells, what asks for passwords, what
 * holds credentials, and what nearly every script calls.
 */
const trusted = new Set(
  `ash awk base64 basename bash busybox bzip2 cat cc chgrp chmod chown chroot chsh cmp cp cron crontab csh curl cut dash date dd df diff
  dirname dnf docker doas du echo ed egrep env eval expr false fgrep file find fish ftp gcc git gpg grep gzip head helm hostname id kill
  kubectl ln login logname ls make mkdir mkfifo mktemp mount mv nc node nohup npm npx openssl passwd patch pgrep pip pkill podman
  powershell printenv printf ps pwd pwsh python python3 readlink realpath rm rmdir rsync scp sed seq sftp sh sha256sum skopeo sleep sort
  ssh ssh-add ssh-agent ssh-keygen stat su sudo sync systemctl tail tar tee telnet test time timeout touch tr true umount uname uniq unzip
  vi vim wc wget which who whoami xargs xz yum zsh apt apt-get brew cargo gh aws az gcloud terraform perl ruby java`.split(
    /\s+/,
  ),
);

/**
 * Tells whether an engine that somebody else made may have a command: its shim would take the place of a program of that name. In a
 * user's own catalog any name is the user's choice.
 */
export function mayCommandComeFromElsewhere(name: string): boolean {
  return !trusted.has(name.toLowerCase());
}
