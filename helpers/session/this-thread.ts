import { MessageChannel } from 'node:worker_threads';
import type { PoolRunnerInitializer, PoolWorker, WorkerRequest } from 'vitest/node';

/**
 * Runs tests in the thread that started vitest, where what they import is loaded already: a thread of their own would load
 * the Kubernetes client and the suite a second time, 130 MB and a second of a processor.
 */
export const thisThread: PoolRunnerInitializer = {
  name: 'this-thread',
  createPoolWorker: () => new ThisThread(),
};

class ThisThread implements PoolWorker {
  readonly name = thisThread.name;
  /** Messages are copied on their way, as between threads: neither side sees the other's objects change. */
  readonly #channel = new MessageChannel();
  #restore: () => void = () => undefined;
  #forget: () => void = () => undefined;
  #stopped = false;

  on(event: string, callback: (message: unknown) => void): void {
    // It neither ends nor fails by itself.
    if (event === 'message') this.#channel.port1.on('message', callback);
  }

  off(event: string, callback: (message: unknown) => void): void {
    if (event === 'message') this.#channel.port1.off('message', callback);
  }

  send(message: WorkerRequest): void {
    this.#channel.port1.postMessage(message);
  }

  deserialize(message: unknown): unknown {
    return message;
  }

  async start(): Promise<void> {
    keepExit();
    this.#restore = keepListeners(['unhandledRejection', 'uncaughtException']);
    const { init, runBaseTests, setupEnvironment } = await import('vitest/worker');
    const { port2 } = this.#channel;
    init({
      post: (message) => {
        if (this.#stopped) throw new Error('the tests have ended');
        port2.postMessage(message);
      },
      on: (callback) => port2.on('message', callback),
      off: (callback) => port2.off('message', callback),
      runTests: (state, traces) => runBaseTests('run', state, traces),
      collectTests: (state, traces) => runBaseTests('collect', state, traces),
      setup: (context) => {
        this.#forget = () => void context.rpc.$rejectPendingCalls();
        return setupEnvironment(context);
      },
    });
  }

  stop(): Promise<void> {
    // vitest tells of every import in this process, also once nobody listens, and the next tests wait for the answers.
    this.#stopped = true;
    this.#forget();
    this.#channel.port1.close();
    // After the tests they would hide an error.
    this.#restore();
    return Promise.resolve();
  }
}

/** @returns takes the listeners away that have come for these events of the process since */
export function keepListeners(events: readonly (NodeJS.Signals | UncaughtEvent)[]): () => void {
  const before = events.map((event) => process.listeners(event as NodeJS.Signals));
  return () => {
    for (const [index, event] of events.entries()) {
      for (const listener of process.listeners(event as NodeJS.Signals)) {
        if (before[index]?.includes(listener) !== true) process.off(event, listener);
      }
    }
  };
}

type UncaughtEvent = 'unhandledRejection' | 'uncaughtException';

/** vitest's worker has process.exit throw, against tests that call it; here the process is the CLI's. */
function keepExit(): void {
  const exit = process.exit.bind(process);
  Object.defineProperty(process, 'exit', { get: () => exit, set: () => undefined, configurable: true });
}
