import { BlockList, isIP } from 'node:net';

/** Whether a network, e.g. `10.0.0.0/8`, holds an address. An address is the network of itself; no other text holds any. */
export function networkHolds(network: string, ip: string): boolean {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const kind = isIP(ip);
  if (kind === 0 || isIP(address) !== kind) return false;
  const longest = kind === 6 ? 128 : 32;
  const bits = Number(length ?? longest);
  if (bits > longest) return false;
  const list = new BlockList();
  const family = kind === 6 ? 'ipv6' : 'ipv4';
  list.addSubnet(address, bits, family);
  return list.check(ip, family);
}
