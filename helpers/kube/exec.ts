import { PassThrough, Writable } from 'node:stream';
import { Exec, type V1Status } from '@kubernetes/client-node';
import { timeouts } from '../timeouts.ts';
import { apiMessage, type Kube } from './client.ts';

export interface PodRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
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
  const stdout = collector();
  const stderr = collector();
  const where = `${target.namespace}/${target.pod} (${target.container})`;
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
        resolve({ exitCode, stdout: stdout.text(), stderr: stderr.text() });
      });
    };
    new Exec(kube.config)
      .exec(
        target.namespace,
        target.pod,
        target.container,
        [...command],
        stdout.stream,
        stderr.stream,
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
      `\`${command.join(' ')}\` in ${target.namespace}/${target.pod} (${target.container}) ended with exit code ${result.exitCode}${said === '' ? '' : `: ${said}`}`,
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

/** Collects synchronously: all that arrived before the status object is there when the status is. */
function collector(): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
