import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { dockerode, engineArchitecture, loadImages, type Architecture } from '../../helpers/engine.ts';

export interface ForeignImage extends AsyncDisposable {
  readonly architecture: Architecture;
}

/** Gives the engine an empty image for a processor that it does not have. */
export async function foreignImage(name: string): Promise<ForeignImage> {
  const architecture = (await engineArchitecture()) === 'amd64' ? 'arm64' : 'amd64';
  // An archive without files.
  const layer = Buffer.alloc(1024);
  const diffId = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
  const config = { architecture, os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [diffId] } };
  const saved = pack();
  saved.entry({ name: 'layer.tar' }, layer);
  saved.entry({ name: 'config.json' }, JSON.stringify(config));
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
  saved.entry({ name: 'manifest.json' }, JSON.stringify(manifest));
  saved.finalize();
  await loadImages(Readable.from(saved));
  return {
    architecture,
    [Symbol.asyncDispose]: async () => {
      await (await dockerode()).getImage(name).remove();
    },
  };
}
