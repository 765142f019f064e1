import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parseReference } from './reference.ts';
import { addEntry, eachEntry, writeTar } from './tar-entries.ts';

/** The files of a `docker save` that name its images: Docker's own, and since Docker 25 those of an OCI layout. */
const naming = ['manifest.json', 'repositories', 'index.json'];

/**
 * Writes a `docker save` with images under other names than the engine has them by; tagging them there would change
 * what other users of the engine see under those names.
 * @param names Name in the engine → name to be written
 */
export async function writeRenamed(
  saved: Readable,
  names: ReadonlyMap<string, string>,
  sink: Writable,
  signal?: AbortSignal,
): Promise<void> {
  await writeTar(
    (out) =>
      eachEntry(saved, async (header, body) => {
        if (!naming.includes(header.name)) {
          await addEntry(out, header, body);
          return;
        }
        const changed = Buffer.from(renamedJson(await text(body), names));
        out.entry({ ...header, size: changed.length }, changed);
      }),
    [sink],
    signal,
  );
}

/** One of those files with the names in it replaced. Docker leaves `docker.io/` out of them, containerd does not. */
export function renamedJson(json: string, names: ReadonlyMap<string, string>): string {
  const byName = new Map([...names].map(([from, to]) => [fullName(from), to]));
  const replace = (value: unknown): unknown => {
    if (typeof value === 'string') return /[:/]/.test(value) ? (byName.get(fullName(value)) ?? value) : value;
    if (Array.isArray(value)) return value.map(replace);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replace(inner)]));
  };
  const parsed: unknown = JSON.parse(json);
  return JSON.stringify(isRepositories(parsed) ? renamedRepositories(parsed, byName) : replace(parsed));
}

type Repositories = Record<string, Record<string, string>>;

/** `{"istio/pilot": {"1.29.1": "<layer>"}}`: name and tag are apart there. */
function isRepositories(value: unknown): value is Repositories {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('manifests' in value);
}

function renamedRepositories(repositories: Repositories, byName: ReadonlyMap<string, string>): Repositories {
  const result: Repositories = {};
  for (const [repository, tags] of Object.entries(repositories)) {
    for (const [tag, layer] of Object.entries(tags)) {
      const name = byName.get(fullName(`${repository}:${tag}`)) ?? `${repository}:${tag}`;
      const colon = name.lastIndexOf(':');
      (result[name.slice(0, colon)] ??= {})[name.slice(colon + 1)] = layer;
    }
  }
  return result;
}

function fullName(reference: string): string {
  const { registry, repository, version } = parseReference(reference);
  return `${registry}/${repository}:${version}`;
}
