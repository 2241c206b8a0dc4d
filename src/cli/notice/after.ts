import { type Host, wantsJson } from '../host.js';

/** Commands whose output or speed others rely on, and those that tell what moved themselves. */
const without = new Set([
  ...['current', 'env', 'exec', 'list', 'try', 'which', 'cat', 'completion'],
  ...['install', 'update', 'outdated', 'lock', 'help', 'version', '--help', '--version', '-h', '-v'],
]);

/**
 * After a command, tells that a channel has moved, if that is known, and looks again in the background once a day. Only for somebody who
 * sits there: not without a terminal, with `--json`, where `CI` is set, offline, or where `ENGINESHED_NOTICE` is `0` or `false`.
 */
export async function noticeAfter(host: Host): Promise<void> {
  const { CI, ENGINESHED_NOTICE = '', ENGINESHED_OFFLINE = '' } = host.environment;
  const { stdout, stderr } = host.process;
  const [command = ''] = host.arguments;
  if (stdout.isTTY !== true || stderr.isTTY !== true || CI || wantsJson(host)) return;
  if (['0', 'false'].includes(ENGINESHED_NOTICE) || !['', '0', 'false'].includes(ENGINESHED_OFFLINE)) return;
  if (command === '' || command.startsWith('_') || without.has(command)) return;
  await (await import('../run/notice.js')).notice(host);
}

/** What {@link lookCommand} does. */
export async function lookAtChannels(host: Host): Promise<void> {
  await (await import('../run/notice.js')).lookForMovedChannels(host);
}
