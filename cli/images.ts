import { chooseSource } from '../helpers/images/choose.ts';
import { ensureImageSet } from '../helpers/images/ensure.ts';
import { listImages } from '../helpers/images/list.ts';
import type { ImageSource } from '../helpers/images/roles.ts';
import { resolveVersions } from '../helpers/images/versions.ts';
import { terminalProgress } from '../helpers/progress/terminal.ts';

export interface VersionChoice {
  readonly istio?: string;
  readonly k8s?: string;
}

/** `conformance images list`: what each role resolves to, and whether it is here. Changes nothing. */
export async function listSet(asked: 'auto' | ImageSource, choice: VersionChoice): Promise<void> {
  const versions = resolveVersions(choice);
  const { source, because } = await chooseSource(asked, versions);
  process.stdout.write(`Images from ${source} (${because})\n`);
  const rows = await listImages({ source, ...versions });
  const cells = [
    ['ROLE', 'REFERENCE', 'DIGEST', 'SOURCE', 'SIZE', 'CACHED'],
    ...rows.map(({ role, reference, digest, source: from, sizeBytes, cached }) => [
      role,
      reference,
      digest?.slice(0, 19) ?? '-',
      from,
      sizeBytes === undefined ? '-' : `${Math.round(sizeBytes / 1e6)} MB`,
      cached ? 'yes' : 'no',
    ]),
  ];
  const widths =
    cells[0]?.map((_cell, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of cells) {
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

/** `conformance images build` and `pull`: has the set ready for a run. `checkOnly` ends after the arguments' check. */
export async function prepareSet(
  source: ImageSource,
  choice: VersionChoice,
  checkOnly: boolean,
): Promise<void> {
  const versions = resolveVersions(choice);
  if (checkOnly) return;
  const set = await ensureImageSet({ source, ...versions }, terminalProgress());
  process.stdout.write(`Ready: ${Object.keys(set.images).length} images, archive ${set.archive.path}\n`);
}
