import { PassThrough, Writable } from 'node:stream';
import { Exec, type V1Status } from '@kubernetes/client-node';
import { timeouts } from '../timeouts.ts';
import { apiMessage, type Kube } from './client.ts';

export interface PodRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** `namespace/pod (container)`, as messages name it. */
export function whereOf({ namespace, pod, container }: PodRef): string {
  return `${namespace}/${pod} (${container})`;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command could not be run, or its end was never heard of; a command that ran and failed is a result. */
export class ExecError extends Error {
  override readonly name = 'ExecError';
}

/**
 * Runs a command in a container and collects what it prints.
 *
 * The exit code comes from the status object that the API server sends last. The client's callback for it is
 * not reliable (kubernetes-client/javascript#714), so each call has its own deadline, and a socket that closes
 * without a status is an error.
 */
export async function exec(
  kube: Kube,
  target: PodRef,
  command: readonly string[],
  { timeoutMs = timeouts.exec, stdin }: { readonly timeoutMs?: number; readonly stdin?: string } = {},
): Promise<ExecResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ExecResult>();
  const fail = (why: string, cause?: unknown): void => {
    reject(new ExecError(`Running \`${command.join(' ')}\` in ${whereOf(target)}: ${why}`, { cause }));
  };
  const timer = setTimeout(() => {
    fail(`no result within ${timeoutMs / 1000} s`);
  }, timeoutMs);
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  const into = (chunks: Buffer[]): Writable => sink((chunk) => chunks.push(Buffer.from(chunk)));
  const input = stdin === undefined ? null : new PassThrough();
  const onStatus = (status: V1Status): void => {
    const exitCode = exitCodeOf(status);
    if (exitCode === undefined) fail(status.message ?? 'the API server gave no exit code');
    else resolve({ exitCode, stdout: textOf(stdout), stderr: textOf(stderr) });
  };
  const { namespace, pod, container } = target;
  const opening = new Exec(kube.config).exec(
    namespace,
    pod,
    container,
    [...command],
    into(stdout),
    into(stderr),
    input,
    false,
    onStatus,
  );
  opening.then(
    (socket) => {
      socket.onclose = () => {
        fail('the connection closed before the command ended');
      };
      input?.end(stdin);
    },
    (error: unknown) => {
      fail(`the API server refused: ${apiMessage(error)}`, error);
    },
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    opening.then(
      (socket) => {
        socket.close();
      },
      () => undefined,
    );
  }
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}

/** As `exec`, for a command that must succeed: its standard output, or an error with what it printed. */
export async function execOrThrow(kube: Kube, target: PodRef, command: readonly string[]): Promise<string> {
  const result = await exec(kube, target, command);
  if (result.exitCode !== 0) {
    const said = (result.stderr || result.stdout).trim();
    throw new Error(
      `\`${command.join(' ')}\` in ${whereOf(target)} ended with exit code ${result.exitCode}${said === '' ? '' : `: ${said}`}`,
    );
  }
  return result.stdout;
}

function exitCodeOf(status: V1Status): number | undefined {
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  const code = Number(cause?.message);
  return cause === undefined || Number.isNaN(code) ? undefined : code;
}

/** A stream that hands on each piece at once, so that all output is complete when the status object comes. */
export function sink(take: (chunk: Buffer) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      take(chunk);
      done();
    },
  });
}

/** Gives what a command in a container prints, as it comes, until the stream ends or is aborted. */
export async function streamCommand(
  kube: Kube,
  target: PodRef,
  command: readonly string[],
  { opened, signal }: { readonly opened: () => void; readonly signal: AbortSignal },
  onData: (chunk: Buffer) => void,
): Promise<void> {
  const socket = await new Exec(kube.config).exec(
    target.namespace,
    target.pod,
    target.container,
    [...command],
    sink(onData),
    sink(() => undefined),
    null,
    false,
  );
  opened();
  await new Promise<void>((resolve) => {
    socket.onclose = () => {
      resolve();
    };
    const abort = (): void => {
      socket.close();
      resolve();
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
}
