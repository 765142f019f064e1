import { join } from 'node:path';
import { collectEvidence } from '../helpers/diagnose/evidence.ts';
import { messageOf } from '../helpers/errors.ts';
import { istioSystem } from '../helpers/istio/revision.ts';
import { noEvidence } from '../helpers/report/step-lines.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import type { Step } from './document/step.ts';
import type { World } from './document/world.ts';
import type { Outcome } from './pass.ts';

/**
 * Bundles in one run. Each may take a minute: with --repeat 50 a broken step must not take an hour, and what three
 * different failures do not show, a fourth hardly will.
 */
const maxBundles = 3;

export interface Failure {
  readonly step: Pick<Step, 'id'>;
  readonly pass: number;
  readonly outcome: Outcome & { readonly status: 'failed' };
  readonly world: Pick<World, 'proxyIp' | 'proxyPort'>;
}

/** Collects evidence of the steps that fail: of each failure, by step and cause, the first time it is seen. */
export class StepEvidence {
  readonly #session: SessionFacts;
  readonly #collect: typeof collectEvidence;
  /** The bundle of each failure that has one. */
  readonly #bundles = new Map<string, string>();

  constructor(session: SessionFacts, collect = collectEvidence) {
    this.#session = session;
    this.#collect = collect;
  }

  /**
   * To be called before anything else happens to the cluster. Never rejects.
   * @returns the bundle's folder in the report folder; '' when there is none, and a fact of the step says why
   */
  async of(failure: Failure): Promise<string> {
    const { step, outcome } = failure;
    const key = `${step.id} ${outcome.findings[0]?.cause ?? ''}`;
    const without = (why: string): string => {
      outcome.record.facts[noEvidence] = why;
      return '';
    };
    const earlier = this.#bundles.get(key);
    if (earlier !== undefined) return without(`the same failure as that of ${earlier}`);
    if (this.#bundles.size === maxBundles)
      return without(`not collected: ${maxBundles} bundles a run at most`);
    const bundle = `evidence/${this.#nameOf(failure)}`;
    this.#bundles.set(key, bundle);
    const problem = await this.#bundle(failure, bundle).catch(messageOf);
    return problem === undefined ? bundle : without(`it could not be collected: ${problem}`);
  }

  #nameOf({ step, pass }: Failure): string {
    return this.#session.configuration.repeat === 1 ? step.id : `pass-${pass}-${step.id}`;
  }

  /** @returns why there is no bundle, undefined when there is one: what it lacks is told by its index */
  async #bundle({ step, outcome, world }: Failure, bundle: string): Promise<string | undefined> {
    const { cluster, images, reportFolder, existing, namespaces } = this.#session;
    const { findings, record, error } = outcome;
    const ip = world.proxyIp.known();
    const port = world.proxyPort.known();
    const files = await this.#collect({
      folder: join(reportFolder, bundle),
      title: `${step.id} failed: ${findings[0]?.cause ?? 'UNEXPLAINED'}`,
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
      trips: record.trips,
      proxy: ip === undefined || port === undefined ? undefined : { ip, port },
      message: messageOf(error),
    });
    return files.find(({ file }) => file === 'index.md')?.problem;
  }
}
