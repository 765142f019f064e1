import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { late, orLate } from '../eventually/deadline.ts';
import { noProxies } from '../proxies/variables.ts';
import { containerEngine } from '../engine.ts';
import type { Cluster } from './cluster.ts';
import { encodeOwner, labelKeys, thisProcess } from './labels.ts';

export interface OneShotResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface OneShot {
  readonly image: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Text files put into the container before its start, by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/**
 * Runs an image's entry point once, in a container on the cluster's network, and removes the container.
 * testcontainers' own one-shot strategy asks once a second and does not give the exit code; the engine's
 * `wait` tells both at once.
 */
export async function oneShot(cluster: Cluster, request: OneShot): Promise<OneShotResult> {
  const { container: client } = await containerEngine();
  const { dockerode } = client;
  const container = await dockerode.createContainer({
    Image: request.image,
    Cmd: [...request.args],
    // An engine may hand its own proxy to containers: no request here may go through it.
    Env: Object.entries({ ...noProxies, ...request.environment }).map(([name, value]) => `${name}=${value}`),
    Labels: { [labelKeys.run]: cluster.runId, [labelKeys.owner]: encodeOwner(thisProcess()) },
    HostConfig: { NetworkMode: cluster.network },
  });
  try {
    await container.putArchive(await archiveOf(request.files ?? {}), { path: '/' });
    const attached = await container.attach({ stream: true, stdout: true, stderr: true });
    const output = { stdout: new PassThrough(), stderr: new PassThrough() };
    dockerode.modem.demuxStream(attached, output.stdout, output.stderr);
    const ended = new Promise<void>((resolve) => attached.once('end', resolve));
    const texts = { stdout: collect(output.stdout), stderr: collect(output.stderr) };
    await container.start();
    const status = await orLate(container.wait() as Promise<{ StatusCode: number }>, request.timeoutMs);
    if (status === late) {
      return {
        exitCode: -1,
        stdout: texts.stdout(),
        stderr: `${texts.stderr()}\n(no end within ${request.timeoutMs / 1000} s)`,
      };
    }
    await ended;
    return { exitCode: status.StatusCode, stdout: texts.stdout(), stderr: texts.stderr() };
  } finally {
    await container.remove({ force: true, v: true });
  }
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

function collect(stream: PassThrough): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}
