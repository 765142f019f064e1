import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { pack } from 'tar-stream';
import { tarFiles } from './tar-entries.ts';

it('gives the files, not the folders', async () => {
  const tar = pack();
  tar.entry({ name: 'node/', type: 'directory' });
  tar.entry({ name: 'node/a.log' }, 'one\n');
  tar.entry({ name: 'node/b.log' }, '');
  tar.finalize();
  expect(await tarFiles(Readable.from(tar))).toEqual([
    { path: 'node/a.log', text: 'one\n' },
    { path: 'node/b.log', text: '' },
  ]);
});
