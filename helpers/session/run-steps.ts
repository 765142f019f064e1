import { randomUUID } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';
import { type Reporter, type Vitest, createVitest } from 'vitest/node';
import { GateLines, PassLines, StepLines, type Lines } from '../report/lines.ts';
import { PhaseRecorder, StepReporter } from '../report/reporters.ts';
import type { Report } from '../report/report.ts';
import type { GatePlan } from '../results/gate.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { Handed, SessionFacts } from './session.ts';
import type { Telling } from './telling.ts';
import { fileURLToPath } from 'node:url';
import { ownExtension } from '../installed.ts';
import { keepListeners } from './this-thread.ts';
import TotalsReporter from '../report/totals-reporter.ts';

/** Steps that vitest runs in this process. Their modules load while the session still opens. */
export interface Steps extends AsyncDisposable {
  /**
   * Runs them in the session; their results go into the report.
   * @returns what went wrong outside the steps, nothing when all was in order
   */
  readonly run: (facts: SessionFacts) => Promise<readonly string[]>;
}

export async function documentSteps(report: Report, telling: Telling): Promise<Steps> {
  const { folder } = report;
  const { repeat } = report.configuration;
  const { say } = telling;
  const lines = repeat === 1 ? new StepLines(say, folder) : new PassLines(repeat, say, folder);
  return stepsOf('document', report, telling, lines);
}

/** A gate's phases; what they establish beside the steps' results goes into the report, too. */
export async function gateSteps(gate: GatePlan, report: Report, telling: Telling): Promise<Steps> {
  const recorder = new PhaseRecorder();
  const lines = new GateLines(telling.say, report.folder);
  const steps = await stepsOf('gate', report, telling, lines, { gate }, [recorder]);
  return {
    ...steps,
    run: async (session) => {
      const problems = await steps.run(session);
      report.gate = { ...gate, phases: recorder.phases, ...recorder.known };
      return problems;
    },
  };
}

async function stepsOf(
  name: 'document' | 'gate',
  report: Report,
  telling: Telling,
  lines: Lines,
  handed: Pick<Handed, 'gate'> = {},
  others: readonly Reporter[] = [],
): Promise<Steps> {
  const steps = new StepReporter(report, telling.lines(lines, report.folder));
  const project = await Project.begin(name, report.configuration, [steps, ...others, ...telling.reporters()]);
  return {
    run: async (session) => {
      await project.run({ ...handed, session });
      return steps.problems;
    },
    [Symbol.asyncDispose]: () => project[Symbol.asyncDispose](),
  };
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * An installed package may be read-only: vitest neither bundles nor caches there, and totals are not added up.
 */
const inPackage = { configLoader: 'native', cache: false, fsModuleCache: false } as const;

let running: Vitest | undefined;

/** Lets the test end that is at work, and begins no other; whoever waits for the project gets its end then. */
export async function cancelProject(): Promise<void> {
  await running?.cancelCurrentRun('keyboard-input');
}

/** One of vitest.config.ts's projects at work in this process: its modules load, and then it waits for its session. */
export class Project implements AsyncDisposable {
  readonly #vitest: Vitest;
  readonly #channel: BroadcastChannel;
  readonly #handed = Promise.withResolvers<Handed>();
  #ran = false;
  readonly #ended: Promise<unknown>;

  private constructor(vitest: Vitest, configuration: Configuration) {
    this.#vitest = vitest;
    const channel = `conformance ${randomUUID()}`;
    this.#channel = new BroadcastChannel(channel);
    // A worker asks once it listens.
    this.#channel.onmessage = () => {
      void this.#handed.promise.then((handed) => {
        this.#channel.postMessage(handed);
      });
    };
    vitest.provide('conformance', configuration);
    vitest.provide('channel', channel);
    this.#ended = vitest.start();
    // Awaited by `run` and at the end.
    this.#ended.catch(() => undefined);
  }

  static async begin(
    project: string,
    configuration: Configuration,
    reporters: readonly Reporter[],
  ): Promise<Project> {
    // Vite ends the process on SIGTERM by itself, vitest on SIGINT and on an unhandled rejection, all of them before anything
    // could be cleaned up. These are the CLI's to handle.
    const restore = keepListeners(['SIGINT', 'SIGTERM', 'SIGHUP', 'unhandledRejection', 'uncaughtException']);
    const vitest = await createVitest({
      root,
      project: [project],
      watch: false,
      // The console is the CLI's as well, which writes while steps run.
      disableConsoleIntercept: true,
      ...(ownExtension === 'ts'
        ? { reporters: [...reporters, new TotalsReporter()] }
        : { ...inPackage, reporters: [...reporters] }),
    });
    restore();
    return new Project(vitest, configuration);
  }

  /** Hands the tests what they work with, and waits for their end. */
  async run(handed: Handed): Promise<void> {
    running = this.#vitest;
    this.#ran = true;
    try {
      this.#handed.resolve(handed);
      await this.#ended;
    } finally {
      running = undefined;
    }
  }

  /** Where it was not run, it waits on, no test begins, and it ends with the process: nobody has to wait for its modules. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close();
    if (!this.#ran) return;
    await this.#ended.catch(() => undefined);
    await this.#vitest.close();
    // The exit code is the CLI's to choose; vitest sets it on any failed test.
    process.exitCode = 0;
  }
}
