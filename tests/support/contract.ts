import { readFile } from 'node:fs/promises';
import { describe, expect, test, type TestContext } from 'vitest';
import { runToEnd } from '../../helpers/cluster/one-shot.ts';
import { dockerode } from '../../helpers/engine.ts';

/** docs/k3s-contract.md, row by row, held against the images of the source set: what they stand in for promises the same. */
const page = new URL('../../docs/k3s-contract.md', import.meta.url);

export type Check = (context: TestContext) => Promise<void>;

/** A test for each row of the table below this heading. */
export function describeRows(heading: string, checks: Readonly<Record<string, Check>>): void {
  describe(heading, () => {
    test('has a check for each row, and a row for each check', async () => {
      const section = (await readFile(page, 'utf8'))
        .split(/^#+ /m)
        .find((text) => text.startsWith(`${heading}\n`));
      const rows = [...(section ?? '').matchAll(/^\| `([a-z0-9]+)`/gm)].map(([, name]) => name);
      expect(rows).toEqual(Object.keys(checks));
    });

    for (const [name, check] of Object.entries(checks)) test(name, check);
  });
}

/** A shell's command that fails where one of them is missing, and says which. */
export function has(...programs: readonly string[]): string {
  return `for program in ${programs.join(' ')}; do command -v "$program" || { echo "it has no $program"; exit 1; }; done`;
}

/** Runs an image's own user, without a network; what it is asked must end well. */
export async function runImage(image: string, runId: string, options: object): ReturnType<typeof runToEnd> {
  const container = { Image: image, HostConfig: { NetworkMode: 'none' }, ...options };
  const ended = await runToEnd(await dockerode(), container, { runId, timeoutMs: 30_000 });
  expect(ended.exitCode, ended.printed).toBe(0);
  return ended;
}
