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
  options: { readonly timeoutMs?: number; readonly stdin?: string } = {},
): Promise<ExecResult> {
  const timeoutMs = options.timeoutMs ?? timeouts.exec;
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  const into = (chunks: Buffer[]): Writable => sink((chunk) => chunks.push(Buffer.from(chunk)));
  const where = whereOf(target);
  const input = options.stdin === undefined ? null : new PassThrough();

  return new Promise<ExecResult>((resolve, reject) => {
    let close: () => void = () => undefined;
    let settled = false;
    const settle = (finish: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      close();
      finish();
    };
    const fail = (why: string, cause?: unknown): void => {
      settle(() => {
        reject(new ExecError(`Running \`${command.join(' ')}\` in ${where}: ${why}`, { cause }));
      });
    };
    const timer = setTimeout(() => {
      fail(`no result within ${timeoutMs / 1000} s`);
    }, timeoutMs);
    const onStatus = (status: V1Status): void => {
      const exitCode = exitCodeOf(status);
      if (exitCode === undefined) {
        fail(status.message ?? 'the API server gave no exit code');
        return;
      }
      settle(() => {
        const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('utf8');
        resolve({ exitCode, stdout: text(stdout), stderr: text(stderr) });
      });
    };
    new Exec(kube.config)
      .exec(
        target.namespace,
        target.pod,
        target.container,
        [...command],
        into(stdout),
        into(stderr),
        input,
        false,
        onStatus,
      )
      .then((socket) => {
        close = () => {
          socket.close();
        };
        socket.onclose = () => {
          fail('the connection closed before the command ended');
        };
        if (settled) close();
        input?.end(options.stdin);
      })
      .catch((error: unknown) => {
        fail(`the API server refused: ${apiMessage(error)}`, error);
      });
  });
}

/** As `exec`, for a command that must succeed: its standard output, or an error with what it printed. */
export async function execOrThrow(
  kube: Kube,
  target: PodRef,
  command: readonly string[],
  options: { readonly timeoutMs?: number; readonly stdin?: string } = {},
): Promise<string> {
  const result = await exec(kube, target, command, options);
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

/** A stream that hands on each piece at once: all that came before the status object is there when the status is. */
export function sink(take: (chunk: Buffer) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      take(chunk);
      done();
    },
  });
}
