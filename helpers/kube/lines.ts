import { setTimeout as delay } from 'node:timers/promises';
import { request, type RequestOptions } from 'node:https';
import { open } from 'node:fs/promises';
import { execa } from 'execa';
import { messageOf } from '../errors.ts';
import type { Kube } from './client.ts';
import { exec, streamCommand, whereOf, type PodRef } from './exec.ts';

/** Lines in the order they came, and a wait for the next one. A reader takes a cursor and asks for what came after it. */
export class Lines {
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();

  protected add(line: string): void {
    this.#lines.push(line);
    this.wake();
  }

  /** Number of lines so far: what comes later has a higher index. */
  cursor(): number {
    return this.#lines.length;
  }

  since(cursor: number): readonly string[] {
    return this.#lines.slice(cursor);
  }

  /** Ends every wait, also when no line came. */
  protected wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next line, or after `timeoutMs`. */
  async changed(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#waiting.add(wake);
    });
  }
}

/** A line of a container's output, and when the container wrote it: ms since the epoch, by the node's clock. */
export interface StampedLine {
  readonly at: number;
  readonly text: string;
}

/** A log that is followed again begins with the whole second of its last line. */
const repeatedMs = 5_000;

/**
 * The lines of a log, followed as one stream from now until it is closed, so that no request has to read a
 * whole log again. A reader takes a cursor first and later asks for what came after it.
 */
export class LineFollower extends Lines implements AsyncDisposable {
  readonly what: string;
  readonly #stamps: number[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  readonly #opened: Promise<void>;
  #markOpened: () => void = () => undefined;
  #problem: string | undefined;
  #finished = false;

  /** Follows whatever `open` opens, again and again until it is closed. */
  constructor(what: string, open: Opener) {
    super();
    this.what = what;
    this.#opened = new Promise((resolve) => {
      this.#markOpened = resolve;
    });
    this.#done = this.#run(open);
  }

  /**
   * Follows a container's output, as `kubectl logs -f` does.
   * @param options.from the kubelet's timestamp to begin at; the log's beginning when not given
   * @param options.untilGone the pod may go: the log is finished then, and not asked for again
   */
  static ofContainer(
    kube: Kube,
    target: PodRef,
    options: { readonly untilGone?: boolean; readonly from?: string } = {},
  ): LineFollower {
    // The kubelet closes a followed log now and then (log rotation, API server restarts). The timestamps it
    // puts before each line tell where to go on; what comes twice then is dropped. They need not ascend: a container's two
    // streams are written side by side.
    const { from = '' } = options;
    let last = from;
    /** Lines and their times. */
    const recent = new Map<string, number>();
    const what = `log of ${whereOf(target)}`;
    return new LineFollower(what, async (session) => {
      const take = lineSplitter((stamped) => {
        const space = stamped.indexOf(' ');
        const stamp = stamped.slice(0, space);
        if (stamp < from || recent.has(stamped)) return;
        if (stamp > last) last = stamp;
        const at = Date.parse(stamp);
        recent.set(stamped, at);
        for (const [old, itsTime] of recent) {
          if (itsTime > at - repeatedMs) break;
          recent.delete(old);
        }
        session.line(stamped.slice(space + 1), at);
      });
      try {
        await followLog(kube, target, last, session, take);
      } catch (error) {
        if (!(error instanceof PodGone) || options.untilGone !== true) throw error;
        session.finish();
      }
    });
  }

  /** Follows a file in a container, as `tail -F` does, from its beginning. */
  static ofFile(kube: Kube, target: PodRef, path: string): LineFollower {
    const what = `${path} in ${whereOf(target)}`;
    let seen = 0;
    let first: string | undefined;
    return new LineFollower(what, async (session) => {
      let index = 0;
      const take = lineSplitter((line) => {
        // A stream that had to be opened again starts at the file's first line; of the same file, unless the
        // container was started again.
        index += 1;
        if (index === 1) {
          if (line !== first) seen = 0;
          first = line;
        }
        if (index <= seen) return;
        seen = index;
        session.line(line);
      });
      const command = await tailCommand(kube, target, ['-n', '+1', '-F', path]);
      await streamCommand(kube, target, command, session, take);
    });
  }

  /** The lines since a cursor with their times; only of a container's output, since a file has none. */
  stamped(cursor = 0): readonly StampedLine[] {
    return this.since(cursor).map((text, index) => ({ at: this.#stamps[cursor + index] ?? NaN, text }));
  }

  /** Whether the pod is gone and nothing more will come (see `untilGone`). */
  finished(): boolean {
    return this.#finished;
  }

  /** Resolves once the stream was open for the first time, or after `timeoutMs`. */
  async opened(timeoutMs: number): Promise<void> {
    await Promise.race([this.#opened, delay(timeoutMs, undefined, { ref: false })]);
  }

  /** Why lines may be missing at the moment, undefined while the stream is open. */
  problem(): string | undefined {
    return this.#problem;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(open: Opener): Promise<void> {
    const { signal } = this.#stop;
    const opened = (): void => {
      this.#problem = undefined;
      this.#markOpened();
    };
    const line = (text: string, at = NaN): void => {
      this.#stamps.push(at);
      this.add(text);
    };
    const finish = (): void => {
      this.#finished = true;
      opened();
    };
    while (!signal.aborted) {
      try {
        await open({ line, opened, finish, signal });
        if (this.#finished) return;
        this.#problem = 'the stream ended';
      } catch (error) {
        this.#problem = messageOf(error);
      }
      await delay(250, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Opens a stream and gives its lines until it ends; it is called again then. */
type Opener = (session: StreamSession) => Promise<void>;

interface StreamSession {
  readonly line: (text: string, at?: number) => void;
  /** To be called when the stream is open: from then on no line is missing. */
  readonly opened: () => void;
  /** To be called when nothing more can come. */
  readonly finish: () => void;
  readonly signal: AbortSignal;
}

/**
 * `tail` with these arguments, looking for new lines ten times a second where it can be told to. On a container's file
 * system (overlayfs) GNU's polls, once a second by default; busybox's takes whole seconds only, and stays at one.
 */
export async function tailCommand(kube: Kube, target: PodRef, args: readonly string[]): Promise<string[]> {
  const often = ['-s', '0.1'];
  const { exitCode } = await exec(kube, target, ['tail', ...often, '-n', '0', '/dev/null']);
  return ['tail', ...(exitCode === 0 ? often : []), ...args];
}

/** Cuts chunks of bytes into whole lines; a line may come in several chunks. */
export function lineSplitter(onLine: (line: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = data.indexOf(0x0a); end !== -1; end = data.indexOf(0x0a)) {
      onLine(data.subarray(0, end).toString('utf8').replace(/\r$/, ''));
      data = data.subarray(end + 1);
    }
    rest = Buffer.from(data);
  };
}

/**
 * One request for a followed log, until it ends. The client library's own `Log` leaves the error of an aborted
 * stream without a listener, which ends the process.
 * @param since the kubelet's timestamp to go on from, '' for the beginning
 * @throws PodGone, or Error with what the API server answered
 */
async function followLog(
  kube: Kube,
  { namespace, pod, container }: PodRef,
  since: string,
  { opened, signal }: { readonly opened: () => void; readonly signal: AbortSignal },
  onData: (chunk: Buffer) => void,
): Promise<void> {
  const server = kube.config.getCurrentCluster()?.server ?? '';
  const url = new URL(`${server}/api/v1/namespaces/${namespace}/pods/${pod}/log`);
  url.search = new URLSearchParams({
    container,
    follow: 'true',
    timestamps: 'true',
    ...(since === '' ? {} : { sinceTime: since }),
  }).toString();
  const options: RequestOptions = {};
  await kube.config.applyToHTTPSOptions(options);
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: Error): void => {
      if (error === undefined || signal.aborted) resolve();
      else reject(error);
    };
    const outgoing = request(url, { ...options, signal }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        const gone = response.statusCode === 404;
        settle(gone ? new PodGone() : new Error(`the API server answered ${response.statusCode ?? '?'}`));
        return;
      }
      opened();
      response.on('data', onData);
      response.once('end', settle);
      response.once('error', settle);
    });
    outgoing.once('error', settle);
    outgoing.end();
  });
}

class PodGone extends Error {
  constructor() {
    super('the API server answered 404');
  }
}

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
