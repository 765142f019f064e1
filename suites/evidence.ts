import { join } from 'node:path';
import { collectEvidence } from '../helpers/diagnose/evidence.ts';
import { messageOf } from '../helpers/errors.ts';
import { istioSystem } from '../helpers/istio/revision.ts';
import { pause } from '../helpers/pause/pause.ts';
import { noEvidence } from '../helpers/report/lines.ts';
import type { StepRecord } from '../helpers/results/step.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import type { World } from './document/world.ts';

/**
 * Bundles in one run. Each may take a minute: with --repeat 50 a broken step must not take an hour, and a fourth
 * failure hardly shows what three different ones do not.
 */
const maxBundles = 3;

/** Collects evidence of a step that failed. */
export interface Evidence {
  /** To be called before anything else happens to the cluster. Never rejects. */
  readonly of: (record: StepRecord, world: Pick<World, 'proxyIp' | 'proxyPort'>) => Promise<void>;
}

/** Evidence of a run: collected, and then the run waits where --pause-on-failure asks for it. */
export function evidenceOf(session: SessionFacts): Evidence {
  return pausing(session, new StepEvidence(session));
}

export function pausing(
  { runId, configuration }: Pick<SessionFacts, 'runId' | 'configuration'>,
  evidence: Evidence,
): Evidence {
  if (!configuration.pauseOnFailure) return evidence;
  return {
    of: async (record, world) => {
      await evidence.of(record, world);
      const { findings, reason, evidence: bundle } = record;
      await pause(runId, {
        step: nameOf(record),
        cause: findings[0]?.cause,
        message: reason,
        evidence: bundle,
      });
    },
  };
}

/** Collects a bundle of each failure, by step and cause, the first time it is seen. */
export class StepEvidence implements Evidence {
  readonly #session: SessionFacts;
  readonly #collect: typeof collectEvidence;
  /** The bundle of each failure that has one. */
  readonly #bundles = new Map<string, string>();

  constructor(session: SessionFacts, collect = collectEvidence) {
    this.#session = session;
    this.#collect = collect;
  }

  /** Records the bundle's folder in the report folder, or as a fact why there is none. */
  async of(record: StepRecord, world: Parameters<Evidence['of']>[1]): Promise<void> {
    const name = nameOf(record);
    const key = `${name} ${record.findings[0]?.cause ?? ''}`;
    const without = (why: string): void => {
      record.facts[noEvidence] = why;
    };
    const earlier = this.#bundles.get(key);
    if (earlier !== undefined) {
      without(`the same failure as that of ${earlier}`);
      return;
    }
    if (this.#bundles.size === maxBundles) {
      without(`not collected: ${maxBundles} bundles a run at most`);
      return;
    }
    const passes = this.#session.configuration.repeat;
    const bundle = `evidence/${passes === 1 ? name : `pass-${record.pass}-${name}`}`;
    this.#bundles.set(key, bundle);
    const problem = await this.#bundle(record, world, bundle).catch(messageOf);
    if (problem === undefined) record.evidence = bundle;
    else without(`it could not be collected: ${problem}`);
  }

  /** @returns why there is no bundle; undefined when there is one, whose index says what it lacks */
  async #bundle(
    record: StepRecord,
    world: Parameters<Evidence['of']>[1],
    bundle: string,
  ): Promise<string | undefined> {
    const { cluster, images, reportFolder, existing, namespaces } = this.#session;
    const { findings, trips, reason } = record;
    const ip = world.proxyIp.known();
    const port = world.proxyPort.known();
    const files = await this.#collect({
      folder: join(reportFolder, bundle),
      title: `${nameOf(record)} failed: ${findings[0]?.cause ?? 'UNEXPLAINED'}`,
      cluster,
      images,
      namespaces:
        existing === undefined
          ? undefined
          : [
              namespaces.mesh,
              namespaces.external,
              namespaces.origin,
              existing.istio?.namespace ?? istioSystem,
            ],
      findings,
      trips,
      proxy: ip === undefined || port === undefined ? undefined : { ip, port },
      message: reason,
    });
    return files.find(({ file }) => file === 'index.md')?.problem;
  }
}

/** The step's name in a run, which in a gate has the step's phase. */
function nameOf({ phase, id }: StepRecord): string {
  return phase === undefined ? id : `${phase}-${id}`;
}
