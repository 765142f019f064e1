import { buffer } from 'node:stream/consumers';
import type Dockerode from 'dockerode';
import { pack } from 'tar-stream';
import { apiRefusal, dockerode as engine } from '../engine.ts';
import { late, orLate } from '../eventually/eventually.ts';
import { sink } from '../kube/exec.ts';
import { noProxies } from '../proxies/variables.ts';
import type { Cluster } from './cluster.ts';
import { encodeOwner, labelKeys, thisProcess } from './labels.ts';

interface Ended {
  /** Undefined when it did not end in time. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order they came. */
  readonly printed: string;
}

interface Work {
  /** The run it is for: were this process to end too early, the next run removes the container. */
  readonly runId: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Text files put into the container before its start, by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/**
 * Runs a container to its end, collects what it prints, and removes it.
 * testcontainers' own one-shot strategy asks once a second and does not give the exit code; the engine's
 * `wait` tells both at once.
 * @throws Error with the engine's reason when it cannot be started
 */
export async function runToEnd(
  dockerode: Dockerode,
  options: Dockerode.ContainerCreateOptions,
  { runId, environment, files, timeoutMs }: Work,
): Promise<Ended> {
  const container = await dockerode.createContainer({
    ...options,
    // An engine may hand its own proxy to containers: no request here may go through it.
    Env: Object.entries({ ...noProxies, ...environment }).map(([name, value]) => `${name}=${value}`),
    Labels: { [labelKeys.run]: runId, [labelKeys.owner]: encodeOwner(thisProcess()) },
  });
  try {
    if (files !== undefined) await container.putArchive(await archiveOf(files), { path: '/' });
    const attached = await container.attach({ stream: true, stdout: true, stderr: true });
    const pieces: { readonly from: 'stdout' | 'stderr'; readonly chunk: Buffer }[] = [];
    const collected = (from: 'stdout' | 'stderr'): NodeJS.WritableStream =>
      sink((chunk) => pieces.push({ from, chunk: Buffer.from(chunk) }));
    dockerode.modem.demuxStream(attached, collected('stdout'), collected('stderr'));
    const over = new Promise((resolve) => attached.once('end', resolve));
    await container.start();
    const status = await orLate(container.wait() as Promise<{ StatusCode: number }>, timeoutMs);
    if (status !== late) await over;
    const text = (...of: readonly string[]): string =>
      Buffer.concat(pieces.flatMap(({ from, chunk }) => (of.includes(from) ? [chunk] : []))).toString('utf8');
    return {
      exitCode: status === late ? undefined : status.StatusCode,
      stdout: text('stdout'),
      stderr: text('stderr'),
      printed: text('stdout', 'stderr'),
    };
  } finally {
    // A sweep may have removed it.
    await apiRefusal.ignore([404, 409], container.remove({ force: true, v: true }));
  }
}

interface OneShot extends Omit<Work, 'runId'> {
  readonly image: string;
  readonly args: readonly string[];
}

/** Runs an image's entry point once, on the cluster's network; -1 is the exit code of one that does not end in time. */
export async function oneShot(
  cluster: Cluster,
  { image, args, ...work }: OneShot,
): Promise<Pick<Ended, 'stdout' | 'stderr'> & { readonly exitCode: number }> {
  const options = { Image: image, Cmd: [...args], HostConfig: { NetworkMode: cluster.network } };
  const { exitCode, stdout, stderr } = await runToEnd(await engine(), options, {
    ...work,
    runId: cluster.runId,
  });
  if (exitCode !== undefined) return { exitCode, stdout, stderr };
  return { exitCode: -1, stdout, stderr: `${stderr}\n(no end within ${work.timeoutMs / 1000} s)` };
}

/** A tar of text files; small, so it is held whole. */
async function archiveOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const archive = pack();
  for (const [path, content] of Object.entries(files)) {
    // Readable for all: not every image runs as root.
    archive.entry({ name: path.replace(/^\//, ''), mode: 0o644 }, content);
  }
  archive.finalize();
  return buffer(archive);
}
