import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import tar from 'tar-fs';
import { dockerode, engineIsHere, follow, inspectImage } from '../../engine.ts';
import { buildProxy } from '../../proxies/variables.ts';
import { withTemporaryFolder } from '../../cache.ts';
import { filesBelow } from './fingerprint.ts';
import type { Step, Work } from './graph.ts';

/** On every image of the set, and by the recipes on all their layers, so that what a build leaves can be found. */
export const sourceLabel = { name: 'istio-external-proxy-conformance', value: 'source' } as const;

const recipes = fileURLToPath(new URL('../../../images', import.meta.url));

export interface ImageRecipe {
  /** Name of the image, and of its folder in images/. */
  readonly name: string;
  /** First part of the tag: the version of what is in it. */
  readonly version: string;
  readonly bytes: number;
  /** Images that build arguments name: `ARG BASE` is the reference of `args.BASE`. */
  readonly args?: Readonly<Record<string, Step>>;
  /** Files that the recipe's folder lacks, by their names in the build's context: a step's folder and the file there. */
  readonly files?: Readonly<Record<string, { readonly from: Step; readonly path: string }>>;
  /** Makes further files in a temporary folder that becomes part of the context. */
  readonly prepare?: (work: Work, folder: string) => Promise<void>;
}

/** An image built by the engine's classic builder from a folder of images/. The result is its reference. */
export function imageStep({ name, version, bytes, args = {}, files = {}, prepare }: ImageRecipe): Step {
  const recipe = join(recipes, name);
  const needs = new Set([...Object.values(args), ...Object.values(files).map(({ from }) => from)]);
  return {
    name: `image ${name}`,
    inputs: {
      parameters: {
        version,
        args: Object.entries(args)
          .map(([arg, { name: image }]) => `${arg}=${image}`)
          .join(' '),
        files: Object.entries(files)
          .map(([file, { from, path }]) => `${file}=${from.name}/${path}`)
          .join(' '),
      },
      files: { recipe },
    },
    needs: [...needs],
    bytes,
    output: (key) => `localhost/conformance-source/${name}:${version}-${key}`,
    exists: async (reference) => (await inspectImage(reference)) !== undefined,
    make: (work) =>
      withTemporaryFolder(async (context) => {
        await prepare?.(work, context);
        for (const file of await filesBelow(recipe)) await link(file.path, join(context, file.name));
        for (const [file, { from, path }] of Object.entries(files)) {
          await link(join(work.outputOf(from), path), join(context, file));
        }
        const buildArgs = Object.fromEntries(
          Object.entries(args).map(([arg, step]) => [arg, work.outputOf(step)]),
        );
        await build(work, context, buildArgs);
      }),
  };
}

async function build(work: Work, context: string, args: Readonly<Record<string, string>>): Promise<void> {
  work.report('building');
  const docker = await dockerode();
  const packed = tar.pack(context, {
    dereference: true,
    // As if Git had just made them, whatever the umask: equal files make equal layers.
    map: (header) => ({
      ...header,
      mtime: new Date(0),
      uid: 0,
      gid: 0,
      mode: header.type === 'directory' || (header.mode & 0o100) !== 0 ? 0o755 : 0o644,
    }),
  });
  const proxy = buildProxy(process.env, await engineIsHere());
  const answer = await docker.buildImage(Readable.from(packed), {
    t: work.output,
    ...proxy,
    buildargs: { ...proxy.buildargs, ...args },
    labels: { [sourceLabel.name]: sourceLabel.value },
    nocache: work.rebuild,
    rm: true,
    forcerm: true,
    abortSignal: work.signal,
  });
  await follow(answer, ({ stream, status, error }) => {
    const text = stream ?? status ?? error ?? '';
    for (const line of text.split('\n')) work.log(line);
    const [step] = /^Step \d+\/\d+/.exec(text) ?? [];
    if (step !== undefined) work.report(step.toLowerCase());
  });
}

/** Large files are linked, not copied, into the context; packing follows the links. */
async function link(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await symlink(from, to);
}

/** Removes what the builder left of stages: they are untagged, and the next build makes its own. */
export async function removeStages(): Promise<void> {
  const docker = await dockerode();
  await docker.pruneImages({
    filters: { dangling: ['true'], label: [`${sourceLabel.name}=${sourceLabel.value}`] },
  });
}
