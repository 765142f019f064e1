import { hash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { inCache } from '../cache.ts';
import { originName, type ImageOrigin, type ImageSetRequest } from './references.ts';
import { roles } from './roles.ts';
import { jsonIn } from '../errors.ts';

const schema = z.object({
  istio: z.string(),
  kubernetes: z.string(),
  source: z.enum(['registry', 'source']),
  mirror: z.string().optional(),
  overrides: z.partialRecord(z.enum(roles), z.string()).optional(),
  /** Name of the file that it came in. */
  file: z.string(),
  /** When, as an ISO date. */
  loadedAt: z.string(),
});

export type LoadedSet = z.infer<typeof schema>;

/** Notes that a set came by `images load`, for `--images auto`, which cannot know where images in the engine are from. */
export async function rememberLoaded(request: ImageSetRequest, file: string): Promise<void> {
  const { istio, kubernetes, source, mirror, overrides } = request;
  const set: LoadedSet = {
    istio,
    kubernetes,
    source,
    mirror,
    overrides,
    file,
    loadedAt: new Date().toISOString(),
  };
  const key = hash('sha256', JSON.stringify([istio, kubernetes, originName(request), overrides ?? {}]));
  await mkdir(inCache('loaded'), { recursive: true });
  const path = inCache('loaded', `${key.slice(0, 16)}.json`);
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, JSON.stringify(set, undefined, 2));
  await rename(unfinished, path);
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

/** Where a loaded set's images come from, as a request says it. */
export function originOf({ source, mirror, overrides }: LoadedSet): ImageOrigin {
  return {
    source,
    ...(mirror === undefined ? {} : { mirror }),
    ...(overrides === undefined ? {} : { overrides }),
  };
}
