import { PassThrough } from 'node:stream';
import { Exec } from '@kubernetes/client-node';
import { Lines, lineSplitter } from './lines.ts';
import { apiMessage, type Kube } from './client.ts';
import { ExecError, sink, whereOf, type PodRef } from './exec.ts';

/** A command that keeps running in a container: write lines to it, and wait for the lines it prints. */
export class ExecSession extends Lines implements Disposable {
  readonly where: string;
  readonly #stdin = new PassThrough();
  #stderr = '';
  #over: string | undefined;
  #close: () => void = () => undefined;

  private constructor(where: string) {
    super();
    this.where = where;
  }

  /** @throws ExecError when the command cannot be started */
  static async open(kube: Kube, target: PodRef, command: readonly string[]): Promise<ExecSession> {
    const { namespace, pod, container } = target;
    const session = new ExecSession(whereOf(target));
    const stdout = sink(
      lineSplitter((line) => {
        session.add(line);
      }),
    );
    const stderr = sink((chunk) => {
      session.#stderr = `${session.#stderr}${chunk.toString('utf8')}`.slice(-1000);
    });
    try {
      const socket = await new Exec(kube.config).exec(
        namespace,
        pod,
        container,
        [...command],
        stdout,
        stderr,
        session.#stdin,
        false,
        (status) => {
          session.#end(`it ended: ${status.message ?? status.status ?? ''}`);
        },
      );
      socket.onclose = () => {
        session.#end('the connection closed');
      };
      session.#close = () => {
        socket.close();
      };
    } catch (error) {
      throw new ExecError(
        `Running \`${command.join(' ')}\` in ${session.where}: the API server refused: ${apiMessage(error)}`,
        { cause: error },
      );
    }
    return session;
  }

  write(line: string): void {
    this.#stdin.write(`${line}\n`);
  }

  /**
   * Waits until a line since the cursor is as wanted.
   * @returns undefined when it came, else why it did not: the command ended, or the time is over
   */
  async until(
    cursor: number,
    wanted: (line: string) => boolean,
    timeoutMs: number,
  ): Promise<string | undefined> {
    const deadline = performance.now() + timeoutMs;
    let seen = cursor;
    for (;;) {
      const lines = this.since(seen);
      if (lines.some(wanted)) return undefined;
      seen += lines.length;
      const said = this.#stderr.trim() === '' ? '' : `, and said: ${this.#stderr.trim()}`;
      if (this.#over !== undefined) return `${this.#over}${said}`;
      const left = deadline - performance.now();
      if (left <= 0) return `no answer within ${timeoutMs / 1000} s${said}`;
      await this.changed(left);
    }
  }

  [Symbol.dispose](): void {
    this.#end('it was ended');
    this.#stdin.end();
    this.#close();
  }

  #end(why: string): void {
    this.#over ??= why;
    this.wake();
  }
}
