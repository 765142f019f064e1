import { expect, it } from 'vitest';
import { indexPage, inReadingOrder } from './index-page.ts';

it('begins with what failed and ends with the node', () => {
  const files = ['node/container.log', 'istio/b', 'istio/a', 'trips.txt', 'else', 'failure.txt'];
  const rows = files.map((file) => ({ file, what: '' }));
  expect(inReadingOrder(rows).map(({ file }) => file)).toEqual([
    'failure.txt',
    'trips.txt',
    'istio/b',
    'istio/a',
    'node/container.log',
    'else',
  ]);
});

it('is a table, whatever a problem says', () => {
  const page = indexPage('MESH-2 failed', new Date(0), [
    { file: 'a b.txt', what: 'A' },
    { file: 'c.txt', what: 'C', problem: 'x | y\nz' },
  ]);
  expect(page).toContain('# MESH-2 failed\n');
  expect(page).toContain('| [a b.txt](a%20b.txt) | A |  |\n');
  expect(page).toContain('| c.txt | C | x \\| y z |\n');
});
