import { open } from 'node:fs/promises';
import { execa } from 'execa';
import type { Kube } from './client.ts';
import { exec, streamCommand, whereOf, type PodRef } from './exec.ts';
import { LineFollower, lineSplitter, tailCommand } from './lines.ts';

/**
 * Follows a file of this machine from where it ends now, over rotations, as `tail -F` does. Everything written after the
 * first opening is seen, since the size is asked for before.
 */
export function tailOfFile(path: string): LineFollower {
  const place = new Place();
  return new LineFollower(`file ${path}`, async (session) => {
    const from = place.goOn(await sizeOf(path));
    const tail = execa('tail', ['-c', `+${from + 1}`, '-F', path], {
      cancelSignal: session.signal,
      reject: false,
      buffer: false,
      stdin: 'ignore',
      stderr: 'ignore',
    });
    const take = lineSplitter(session.line);
    tail.stdout.on('data', (chunk: Buffer) => {
      place.passed(chunk.length);
      take(chunk);
    });
    session.opened();
    await tail;
  });
}

/** Follows a file in a container from where it ends now, likewise. */
export function tailInPod(kube: Kube, target: PodRef, path: string): LineFollower {
  const place = new Place();
  const what = `${path} in ${whereOf(target)}`;
  return new LineFollower(what, async (session) => {
    const { exitCode, stdout, stderr } = await exec(kube, target, ['wc', '-c', path]);
    if (exitCode !== 0) throw new Error(stderr.trim() || `wc ended with exit code ${exitCode}`);
    const from = place.goOn(Number.parseInt(stdout, 10));
    const take = lineSplitter(session.line);
    const command = await tailCommand(kube, target, ['-c', `+${from + 1}`, '-F', path]);
    await streamCommand(kube, target, command, session, (chunk) => {
      place.passed(chunk.length);
      take(chunk);
    });
  });
}

/** How far a file has been read, over streams that end. */
class Place {
  #bytes: number | undefined;

  /** Where to go on in a file that has this size now: at its beginning when it was replaced by a shorter one. */
  goOn(size: number): number {
    this.#bytes = this.#bytes === undefined || this.#bytes <= size ? (this.#bytes ?? size) : 0;
    return this.#bytes;
  }

  passed(bytes: number): void {
    this.#bytes = (this.#bytes ?? 0) + bytes;
  }
}

/** @throws Error when it cannot be read, which its size alone would not tell */
async function sizeOf(path: string): Promise<number> {
  await using file = await open(path, 'r');
  const stats = await file.stat();
  if (!stats.isFile()) throw new Error(`${path} is no file`);
  return stats.size;
}
