import { expect, it } from 'vitest';
import { addressesIn } from './proxy.ts';

const server = 'Server:\t\t10.43.0.10\nAddress:\t10.43.0.10:53\n\n';

it('takes the addresses of an answer, not the server’s', () => {
  const answer = `${server}Name:\tproxy.example\nAddress: 10.1.2.4\nName:\tproxy.example\nAddress: 10.1.2.3\n\n`;
  expect(addressesIn(answer)).toEqual(['10.1.2.3', '10.1.2.4']);
  // busybox's small nslookup numbers them.
  const numbered = `${server}Name:      proxy.example\nAddress 1: 10.1.2.3 proxy.example\n`;
  expect(addressesIn(numbered)).toEqual(['10.1.2.3']);
  const alias = `${server}proxy.example\tcanonical name = lb.example.\nName:\tlb.example\nAddress: 2001:db8::1\n`;
  expect(addressesIn(alias)).toEqual(['2001:db8::1']);
});

it('finds none where there is no answer', () => {
  expect(addressesIn(`${server}** server can't find proxy.example: NXDOMAIN\n`)).toEqual([]);
  expect(addressesIn('')).toEqual([]);
});
