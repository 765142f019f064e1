import { mustBeWritable, saveBundle } from '../helpers/images/bundle/save.ts';
import { loadSet } from '../helpers/images/bundle/load.ts';
import { requestOf } from '../helpers/images/bundle/manifest.ts';
import { readManifest } from '../helpers/images/bundle/read.ts';
import { askedFor, chooseVersions } from '../helpers/images/choose.ts';
import { megabytes } from '../helpers/images/disk.ts';
import { ensureImageSet } from '../helpers/images/ensure.ts';
import { listImages } from '../helpers/images/list.ts';
import type { ImageChoice } from '../helpers/images/mirror.ts';
import type { Overrides } from '../helpers/images/overrides.ts';
import { originName, type ImageSetRequest } from '../helpers/images/references.ts';
import { UsageError } from '../helpers/errors.ts';
import { resolveVersions } from '../helpers/images/versions.ts';
import { tableLines } from '../helpers/text-table.ts';
import { terminalProgress } from '../helpers/progress/terminal.ts';

export interface VersionChoice {
  readonly istio?: string;
  readonly k8s?: string;
}

export interface SetChoice extends VersionChoice {
  readonly images: ImageChoice;
  readonly image: Overrides;
}

/** `conformance images list`: what each role resolves to, and whether it is cached. Changes nothing. */
export async function listSet(choice: SetChoice): Promise<void> {
  const { request, because } = await chosen(choice);
  process.stdout.write(`Images from ${originName(request)} (${because})\n`);
  const rows = await listImages(request);
  const mirrored = rows.some(({ published }) => published !== undefined);
  const cells = [
    ['ROLE', 'REFERENCE', ...(mirrored ? ['COPY OF'] : []), 'DIGEST', 'SOURCE', 'SIZE', 'CACHED'],
    ...rows.map(({ role, reference, published, digest, source: from, sizeBytes, cached }) => [
      role,
      reference,
      ...(mirrored ? [published ?? '-'] : []),
      digest?.slice(0, 19) ?? '-',
      from,
      sizeBytes === undefined ? '-' : megabytes(sizeBytes),
      cached ? 'yes' : 'no',
    ]),
  ];
  for (const line of tableLines(cells)) process.stdout.write(`${line}\n`);
}

/** `conformance images build` and `pull`: prepares the set for a run. `checkOnly` only checks the arguments. */
export async function prepareSet(choice: SetChoice, checkOnly: boolean): Promise<void> {
  const request = asked(choice);
  if (checkOnly) return;
  const set = await ensureImageSet(request, terminalProgress());
  process.stdout.write(`Ready: ${Object.keys(set.images).length} images, archive ${set.archive.path}\n`);
}

/** `conformance images save`: writes a whole set to one file, for machines without a registry. */
export async function saveSet(
  file: string,
  { force, ...choice }: SetChoice & { readonly force: boolean },
  checkOnly: boolean,
): Promise<void> {
  if (choice.images !== 'auto') asked(choice);
  await mustBeWritable(file, force);
  if (checkOnly) return;
  const { request, because } = await chosen(choice);
  process.stdout.write(`Images from ${originName(request)} (${because})\n`);
  const saved = await saveBundle(request, file, terminalProgress());
  const lines = [
    `Saved: Istio ${request.istio}, Kubernetes ${request.kubernetes}, ${saved.images} images, ${megabytes(saved.sizeBytes)}: ${saved.path}`,
    `sha256: ${saved.sha256}`,
    `On the other machine, with this version of the suite: ./conformance images load ${file.split('/').at(-1) ?? file}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** `conformance images load`: the counterpart of `save`. */
export async function loadFile(file: string, checkOnly: boolean): Promise<void> {
  if (checkOnly) {
    await readManifest(file);
    return;
  }
  const set = await loadSet(file, terminalProgress());
  const { istio, kubernetes, overrides } = set;
  const origin = originName(requestOf(set));
  const replaced = Object.entries(overrides).map(([role, reference]) => ` --image ${role}=${reference}`);
  const lines = [
    `Loaded: Istio ${istio}, Kubernetes ${kubernetes}, ${set.images.length} images from ${origin}, saved ${set.createdAt.slice(0, 10)}`,
    `Run on it without any registry: ./conformance run --istio ${istio} --k8s ${kubernetes} --images ${origin}${replaced.join('')}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The set that `--images` names. @throws UsageError for an impossible one, and for auto */
function asked({ images, image, ...versions }: SetChoice): ImageSetRequest {
  if (images === 'auto')
    throw new UsageError('--images auto is not a source.', 'Name one: registry, source or mirror=HOST.');
  const resolved = resolveVersions({ ...versions, images });
  const { because: _because, ...origin } = askedFor(images, [resolved], image);
  return { ...origin, ...resolved, overrides: image };
}

async function chosen({
  images,
  image,
  ...versions
}: SetChoice): Promise<{ readonly request: ImageSetRequest; readonly because: string }> {
  const found = await chooseVersions({ ...versions, images }, image);
  return { request: { ...found, ...found.versions, overrides: image }, because: found.because };
}
