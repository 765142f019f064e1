import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect } from 'vitest';
import { startOf } from '../../faults/checkout.ts';
import { distributedNames } from '../../helpers/existing/installed.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import {
  belongsToIstio,
  compareSnapshots,
  takeSnapshot,
  type Snapshot,
} from '../../helpers/kube/snapshot.ts';
import type { ForeignCluster } from './foreign-cluster.ts';
import { atOwnTerminal } from './terminal.ts';

const suite = startOf(fileURLToPath(new URL('../..', import.meta.url)));

export interface Ended {
  readonly exitCode: number | undefined;
  readonly output: string;
}

type Theirs = Pick<ForeignCluster, 'kube' | 'images'>;

export interface Start {
  /** Besides the variables of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** A person is there: the command runs at a terminal, where it can be answered. */
  readonly attended?: boolean;
}

/** Runs of the command in an existing cluster, from a folder of their own. */
export class ForeignRuns implements AsyncDisposable {
  readonly folder: string;
  readonly #theirs: Theirs;

  private constructor(theirs: Theirs, folder: string) {
    this.#theirs = theirs;
    this.folder = folder;
  }

  static async in(theirs: Theirs): Promise<ForeignRuns> {
    return new ForeignRuns(theirs, await realpath(await mkdtemp(join(tmpdir(), 'conformance-existing-'))));
  }

  /** A file of the folder; its path. */
  async file(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  /** No engine answers to these runs, and they need none. */
  start(args: readonly string[], { env = {}, attended = false }: Start = {}) {
    const [program = '', ...rest] = [...(attended ? atOwnTerminal : []), ...suite.command, ...args];
    return execa(program, rest, {
      cwd: this.folder,
      env: { ...suite.env, ...env, DOCKER_HOST: 'unix:///nowhere/docker.sock' },
      extendEnv: false,
      all: true,
      reject: false,
      stdin: attended ? 'pipe' : 'ignore',
      timeout: 600_000,
    });
  }

  async conformance(args: readonly string[]): Promise<Ended> {
    const { exitCode, all } = await this.start(args);
    expect(all).not.toMatch(/^ {4}at /m);
    return { exitCode, output: all };
  }

  /** Images are named one by one: to know what the source set calls them, an engine would be asked. */
  arguments(kubeconfig: string, ...args: readonly string[]): string[] {
    return ['run', '--kubeconfig', kubeconfig, '--target', 'hermetic', ...this.imageFlags(), ...args];
  }

  imageFlags(): string[] {
    const { images } = this.#theirs.images;
    return (['curl', 'squid', 'origin'] as const).flatMap((role) => [
      '--image',
      `${role}=${images[role].reference}`,
    ]);
  }

  /**
   * Everything in the cluster but what its own machinery writes all the time; Istio's objects included, and whatever
   * namespaces are labelled with.
   * @param butIstio Of a cluster whose Istio is upgraded meanwhile: without Istio's objects
   */
  async snapshot(butIstio = false): Promise<Snapshot> {
    const { kube } = this.#theirs;
    const objects = await takeSnapshot(
      kube,
      (object) =>
        object.kind === 'Node' ||
        // istiod puts these into each namespace that it has looked at, and leaves them there.
        distributedNames.includes(object.metadata?.name ?? '') ||
        (butIstio && belongsToIstio(object)),
    );
    const { items } = await kube.core.listNamespace();
    const marks = items.map(({ metadata }): [string, string] => [
      `marks of namespace ${metadata?.name ?? ''}`,
      JSON.stringify([sorted(metadata?.labels), sorted(metadata?.annotations)]),
    ]);
    return new Map([...objects, ...marks]);
  }

  async mustBeAsBefore(before: Snapshot, butIstio = false): Promise<void> {
    await eventually(
      'the cluster to be as it was',
      async () => {
        const differences = compareSnapshots(before, await this.snapshot(butIstio));
        if (differences.length > 0) throw new Error(differences.join('; '));
      },
      { timeoutMs: 20_000 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

function sorted(marks: Readonly<Record<string, string>> = {}): [string, string][] {
  return Object.entries(marks).sort(([a], [b]) => (a < b ? -1 : 1));
}
