import { readFile, writeFile } from 'node:fs/promises';
import { discoverNewest } from '../helpers/gate/discover.ts';
import { withDiscovered } from '../helpers/gate/discover-file.ts';
import { matrixJson, matrixOf, matrixPage, within } from '../helpers/gate/matrix.ts';
import type { ImageChoice } from '../helpers/images/mirror.ts';
import { thrownAs, UsageError } from '../helpers/errors.ts';

export interface MatrixOptions {
  /** One line of JSON instead of tables. */
  readonly json: boolean;
}

/** Ranges of versions, as npm understands them; an empty one takes all. */
export interface MatrixChoice {
  readonly istio: string;
  readonly k8s: string;
  readonly images: ImageChoice;
}

/**
 * `conformance matrix`: the cells and upgrade pairs of fixtures/versions.yaml. Needs neither engine nor network.
 * @throws UsageError for a range that takes nothing
 */
export function printMatrix({ json, istio, k8s, images }: MatrixOptions & MatrixChoice): void {
  const matrix = matrixOf(within({ istio, k8s }), images);
  process.stdout.write(json ? `${matrixJson(matrix)}\n` : matrixPage(matrix));
}

export interface DiscoverChoice {
  /** Address of GitHub's API. */
  readonly api: string;
  /** The versions file to write. */
  readonly write?: string;
}

/**
 * `conformance matrix --discover`: the newest releases; with `write`, also a versions file that has them.
 * @throws EnvironmentError when GitHub does not answer
 * @throws UsageError when the file cannot be written
 */
export async function discover({ json, api, write }: MatrixOptions & DiscoverChoice): Promise<void> {
  const newest = await discoverNewest({ token: process.env['GITHUB_TOKEN'], api });
  const file = new URL('../fixtures/versions.yaml', import.meta.url);
  const { text, added } = withDiscovered(await readFile(file, 'utf8'), newest);
  if (write !== undefined) {
    const hint = 'Name another file: --write FILE.';
    await writeFile(write, text).catch(thrownAs(UsageError, `${write} cannot be written`, hint));
  }
  const { istio, kubernetes, k3sTag } = newest;
  if (json) {
    process.stdout.write(`${JSON.stringify({ istio, kubernetes, added })}\n`);
    return;
  }
  const lines = [
    `Newest Istio ${istio}, newest Kubernetes of k3s ${kubernetes} (${k3sTag})`,
    added.length === 0
      ? 'fixtures/versions.yaml has this pair.'
      : `Not in fixtures/versions.yaml: ${added.join(', ')}`,
    ...(write === undefined ? [] : [`Written: ${write}`]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
