import { access, constants, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import type { Configuration } from '../configuration/configuration.ts';
import { EnvironmentError, exitCodes, messageOf, thrownAs } from '../errors.ts';
import type { ImageSet } from '../images/roles.ts';
import { timed, type Progress } from '../progress/progress.ts';
import { junitOf } from './junit.ts';
import { redacted } from '../redact/redact.ts';
import { stabilityOf } from './tally.ts';
import { results, type Results, type Verdict, type Outcome } from '../results/results.ts';
import type { StepResult } from '../results/step.ts';

const exitCodeOf: Record<Verdict, number> = {
  conformant: exitCodes.conformant,
  'not conformant': exitCodes.notConformant,
  unstable: exitCodes.notConformant,
  environment: exitCodes.environment,
  usage: exitCodes.usage,
  interrupted: exitCodes.interrupted,
};

/** Collects the results of a run and writes results.json, junit.xml and a page, however the run ends. */
export class Report {
  readonly runId: string;
  readonly folder: string;
  readonly steps: StepResult[] = [];
  readonly versions: Record<string, string> = {};
  engine = 'unknown';
  /** A signal is ending the run: nothing more is collected. */
  interrupted = false;
  /** Folder of the evidence of a set-up that failed, in the report's folder. */
  evidence: string | undefined;
  target: Results['target'];
  /** What a reader should know of the versions: why these, that support of one has ended. */
  notes: readonly string[] = [];
  /** The given proxy, where the run deploys none. */
  proxy: Results['proxy'];
  /** Where each setting of the configuration comes from. */
  origins: Results['origins'];
  /** The user's own configuration of the mesh, by name. */
  given: Results['given'];
  images: readonly ImageSet[] = [];
  /** The results of a gate beside its steps. */
  gate: Results['gate'];
  readonly #root: string;
  readonly #startedAt = new Date();
  readonly configuration: Configuration;
  readonly #phases: Results['phases'] = [];

  constructor(root: string, runId: string, configuration: Configuration) {
    this.#root = resolve(root);
    this.runId = runId;
    this.folder = join(this.#root, runId);
    this.configuration = configuration;
  }

  /** A progress that also writes each phase down. */
  recording(progress: Progress): Progress {
    return {
      note: (line) => {
        progress.note(line);
      },
      phase: (title, work) => {
        const startedAt = new Date().toISOString();
        return timed(
          () => progress.phase(title, work),
          (_failed, ms) => this.#phases.push({ title, startedAt, durationMs: Math.round(ms) }),
        );
      },
    };
  }

  /**
   * Makes the report's folder, before anything slow.
   * @throws EnvironmentError when it cannot be written
   */
  async open(): Promise<void> {
    const hint = 'Free the folder or make it writable, or run from another folder.';
    const unwritable = thrownAs(EnvironmentError, `The report cannot be written to ${this.folder}`, hint);
    await mkdir(this.folder, { recursive: true }).catch(unwritable);
    await access(this.folder, constants.W_OK).catch(unwritable);
  }

  /** Writes the report folder and points `latest` to it. */
  async write(outcome: Outcome, exitCode = exitCodeOf[outcome.verdict]): Promise<Results> {
    const { verdict, cause, reason } = outcome;
    const endedAt = new Date();
    const run: Results = redacted({
      schemaVersion: 1,
      runId: this.runId,
      scope:
        this.configuration.steps.length === 0 && this.configuration.grep === undefined ? 'whole' : 'partial',
      verdict,
      exitCode,
      ...(cause === undefined ? {} : { cause }),
      reason,
      ...(this.evidence === undefined ? {} : { evidence: this.evidence }),
      startedAt: this.#startedAt.toISOString(),
      endedAt: endedAt.toISOString(),
      durationMs: endedAt.getTime() - this.#startedAt.getTime(),
      configuration: this.configuration,
      ...(this.origins === undefined ? {} : { origins: this.origins }),
      ...(this.target === undefined ? {} : { target: this.target }),
      ...(this.proxy === undefined ? {} : { proxy: this.proxy }),
      ...(this.notes.length === 0 ? {} : { notes: [...this.notes] }),
      ...(this.given === undefined ? {} : { given: this.given }),
      versions: { suite: manifest.version, node: process.version, ...this.versions },
      images: imagesOf(this.images),
      host: {
        os: `${platform()} ${release()}`,
        architecture: arch(),
        cpus: cpus().length,
        memoryBytes: totalmem(),
        engine: this.engine,
        node: process.version,
      },
      phases: this.#phases,
      steps: this.steps,
      ...(this.configuration.repeat === 1 ? {} : { stability: stabilityOf(this.steps) }),
      ...(this.gate === undefined ? {} : { gate: this.gate }),
    });
    // What does not fit the schema must not be published as if it did.
    results.parse(run);
    await mkdir(this.folder, { recursive: true });
    await writeFile(join(this.folder, 'results.json'), `${JSON.stringify(run, null, 2)}\n`);
    await writeFile(join(this.folder, 'junit.xml'), junitOf(run));
    await this.#writePage(run);
    await this.#pointLatest();
    return run;
  }

  /** The page for people. It is loaded late: even a page that does not load must not change a verdict. */
  async #writePage(run: Results): Promise<void> {
    try {
      const { loadPages } = await import('./html/load.ts');
      const { pageOf } = await loadPages();
      await mkdir(join(this.folder, 'report'), { recursive: true });
      await writeFile(join(this.folder, 'report', 'index.html'), await pageOf(run));
    } catch (error) {
      process.stderr.write(`The report page was not made: ${messageOf(error)}\n`);
    }
  }

  /** Writes another file into the report folder and points `latest` to it. */
  async attach(name: string, text: string): Promise<string> {
    const file = join(this.folder, name);
    await mkdir(this.folder, { recursive: true });
    await writeFile(file, text);
    await this.#pointLatest();
    return file;
  }

  /** Never fails: some file systems have no symbolic links. */
  async #pointLatest(): Promise<void> {
    // Made beside and renamed, so that a reader never finds no `latest`.
    const fresh = join(this.#root, `.latest-${this.runId}`);
    try {
      await rm(fresh, { force: true });
      await symlink(this.runId, fresh);
      await rename(fresh, join(this.#root, 'latest'));
    } catch (error) {
      await rm(fresh, { force: true });
      process.stderr.write(`reports/latest was not updated: ${messageOf(error)}\n`);
    }
  }
}

/** Each image once: sets of several versions share most of them. */
function imagesOf(sets: readonly ImageSet[]): Results['images'] {
  const all = sets.flatMap(({ images }) => Object.values(images));
  return [...new Map(all.map((image) => [`${image.role} ${image.reference}`, image])).values()];
}
