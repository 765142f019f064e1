import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { inCache, writeWhole } from '../cache.ts';
import { manifestSchema } from './bundle/manifest.ts';
import { originName, type ImageSetRequest } from './references.ts';
import { jsonIn } from '../errors.ts';

const schema = manifestSchema
  .pick({ istio: true, kubernetes: true, source: true, mirror: true, overrides: true })
  .partial({ overrides: true })
  .extend({
    file: z.string().describe('name of the file that it came in'),
    loadedAt: z.string().describe('when, as an ISO date'),
  });

export type LoadedSet = z.infer<typeof schema>;

/** Notes that a set came by `images load`, for `--images auto`, which cannot know where images in the engine are from. */
export async function rememberLoaded(request: ImageSetRequest, file: string): Promise<void> {
  const { istio, kubernetes, source, mirror, overrides } = request;
  const loadedAt = new Date().toISOString();
  const set: LoadedSet = { istio, kubernetes, source, mirror, overrides, file, loadedAt };
  const key = hash('sha256', JSON.stringify([istio, kubernetes, originName(request), overrides ?? {}]));
  await writeWhole(inCache('loaded', `${key.slice(0, 16)}.json`), JSON.stringify(set, undefined, 2));
}

/** What was loaded on this machine, the newest first; whether its images are still here is another question. */
export async function loadedSets(): Promise<readonly LoadedSet[]> {
  const names = await readdir(inCache('loaded')).catch(() => []);
  const sets = await Promise.all(
    names
      .filter((name) => name.endsWith('.json'))
      .map(async (name) => {
        const text = await readFile(join(inCache('loaded'), name), 'utf8').catch(() => '');
        return schema.safeParse(jsonIn(text)).data;
      }),
  );
  return sets.filter((set) => set !== undefined).sort((a, b) => b.loadedAt.localeCompare(a.loadedAt));
}

/** `loaded from set.tar on 2026-11-24`. */
export function howLoaded({ file, loadedAt }: LoadedSet): string {
  return `loaded from ${file} on ${loadedAt.slice(0, 10)}`;
}
