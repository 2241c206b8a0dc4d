import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * Whether a list of exceptions (`NO_PROXY`) names the host of an address. Its entries are separated by commas or spaces, and
 * each is one of
 * - a name, which stands for itself and all names below it, with or without a leading `.` or `*.`;
 * - an IP address, IPv6 also in brackets;
 * - a range of addresses in CIDR notation; names are not looked up for it;
 * - a name or an address with `:port`, which stands for that port alone;
 * - `*`, which stands for everything.
 *
 * What is none of them stands for nothing.
 */
export function bypassesProxy(list: string, url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry !== '' && fits(entry, host, port));
}

function fits(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, range, bits] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (range !== undefined) return isInRange(host, range, Number(bits));
  const withPort = isIP(entry) === 0 ? /^(.*):(\d+)$/.exec(entry) : null;
  if (withPort !== null && withPort[2] !== port) return false;
  const name = (withPort?.[1] ?? entry).replace(/^\[|\]$/g, '');
  if (isIP(name) !== 0) return isInRange(host, name, isIPv6(name) ? 128 : 32);
  if (isIP(host) !== 0) return false;
  const domain = name.replace(/^\*?\./, '').replace(/\.$/, '');
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
}

function isInRange(host: string, range: string, bits: number): boolean {
  const [family, rangeFamily] = [isIP(host), isIP(range)];
  if (family === 0 || family !== rangeFamily || bits > (family === 6 ? 128 : 32)) return false;
  const type = family === 6 ? 'ipv6' : 'ipv4';
  const ranges = new BlockList();
  ranges.addSubnet(range, bits, type);
  return ranges.check(host, type);
}
