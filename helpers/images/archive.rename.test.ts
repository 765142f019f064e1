import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { PassThrough } from 'node:stream';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { renamedJson, writeRenamed } from './archive.ts';
import { tarFiles } from './tar-entries.ts';

const names = new Map([
  ['localhost:5000/rancher/mirrored-pause:3.6', 'docker.io/rancher/mirrored-pause:3.6'],
  ['localhost:5000/istio/pilot:1.29.1', 'localhost:5000/istio/pilot:1.29.1'],
  ['docker.io/a/b:1', 'c.example.com/b:1'],
]);
const pause = 'docker.io/rancher/mirrored-pause:3.6';

describe('renamedJson', () => {
  it('changes the tags of a manifest.json, and nothing else', () => {
    const manifest = (tags: string[]): unknown => [
      { Config: 'a.json', RepoTags: tags, Layers: ['x/layer.tar'] },
      { Config: 'b.json', RepoTags: null, Layers: [] },
    ];
    const json = JSON.stringify(manifest(['localhost:5000/rancher/mirrored-pause:3.6', 'other:1', 'a/b:1']));
    expect(JSON.parse(renamedJson(json, names))).toEqual(manifest([pause, 'other:1', 'c.example.com/b:1']));
  });

  it('changes an OCI layout’s annotations', () => {
    const index = (name: string): unknown => ({
      schemaVersion: 2,
      manifests: [
        {
          digest: 'sha256:0f',
          size: 1,
          annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': '3.6' },
        },
      ],
    });
    const json = JSON.stringify(index('localhost:5000/rancher/mirrored-pause:3.6'));
    expect(JSON.parse(renamedJson(json, names))).toEqual(index(pause));
  });

  it('changes repositories', () => {
    const json = '{"localhost:5000/rancher/mirrored-pause":{"3.6":"x"},"istio/pilot":{"1":"y","2":"z"}}';
    expect(JSON.parse(renamedJson(json, names))).toEqual({
      'docker.io/rancher/mirrored-pause': { '3.6': 'x' },
      'istio/pilot': { '1': 'y', '2': 'z' },
    });
  });
});

describe('writeRenamed', () => {
  it('copies everything else as it is, links included', async () => {
    const archive = pack();
    const layer = Buffer.alloc(300_000, 'layer');
    archive.entry({ name: 'a/', type: 'directory' });
    archive.entry({ name: 'a/layer.tar' }, layer);
    archive.entry({ name: 'b/layer.tar', type: 'symlink', linkname: '../a/layer.tar' });
    archive.entry({ name: 'manifest.json' }, '[{"RepoTags":["localhost:5000/rancher/mirrored-pause:3.6"]}]');
    archive.finalize();
    const out = new PassThrough();
    const [written] = await Promise.all([buffer(out), writeRenamed(Readable.from(archive), names, out)]);
    const files = new Map((await tarFiles(Readable.from(written))).map(({ path, text }) => [path, text]));
    expect(files.get('manifest.json')).toBe(`[{"RepoTags":["${pause}"]}]`);
    expect(files.get('a/layer.tar')).toBe(layer.toString());
    expect(written.includes('../a/layer.tar')).toBe(true);
  });

  it('tells when the archive ends early', async () => {
    const archive = pack();
    archive.entry({ name: 'a', size: 5000 }, Buffer.alloc(5000));
    archive.finalize();
    const cut = (await buffer(Readable.from(archive))).subarray(0, 3000);
    const out = new PassThrough();
    out.resume();
    await expect(writeRenamed(Readable.from([cut]), names, out)).rejects.toThrow(/end of data/);
  });

  it('tells what broke the other end', async () => {
    const archive = pack();
    archive.entry({ name: 'a' }, Buffer.alloc(300_000));
    archive.finalize();
    const out = new PassThrough();
    setImmediate(() => out.destroy(new Error('ENOSPC')));
    await expect(writeRenamed(Readable.from(archive), names, out)).rejects.toThrow('ENOSPC');
  });
});
