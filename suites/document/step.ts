import type { DocumentSection } from '../../helpers/document/edition.ts';
import { noStatement } from '../../helpers/proxy/proxy.ts';
import type { RunPlan } from '../../helpers/session/proxy.ts';
import type { World } from './world.ts';

/**
 * Where a step belongs: a section of the document, or the controls and the upgrade, which are the suite's, or `own`: a
 * step of a suite that uses this one as a library.
 */
export type Section = DocumentSection | 'controls' | 'upgrade' | 'own';

/** One step of the document: data, and one function that does it and judges it. */
export interface Step {
  /** Stable: reports, `--step` and other people's tools refer to it. */
  readonly id: string;
  readonly section: Section;
  readonly title: string;
  /** The document's commands that this step carries out, word for word; none for a claim that it makes in prose. */
  readonly commands?: readonly string[];
  /** The document's sentences that this step checks, word for word, where there is no command. */
  readonly claims?: readonly string[];
  /** Steps without whose success this one cannot be judged. */
  readonly needs: readonly string[];
  /** For clean-up: the step that makes what this one removes. Run when this one is chosen, not needed by it after a failure. */
  readonly undoes?: string;
  /** Whether a run of this plan has it; every run has it when undefined. */
  readonly when?: (plan: RunPlan) => boolean;
  /** Why a run of this plan reports it as skipped and does not judge it. */
  readonly unavailable?: (plan: RunPlan) => string | undefined;
  /** Does what the step is about and judges it; where it has `ahead`, that was done before. */
  readonly run: (world: World) => Promise<void>;
  /** Its time limit, where it is not that of every step. */
  readonly limit?: 'upgrade';
  /** What of it may be done before its turn comes, beside other steps. */
  readonly ahead?: Ahead;
}

/**
 * The doing of a step, apart from its judging: it may begin before the step's turn, but not before that of every step
 * it needs is done, so that it finds what it would find in the document's order. It establishes nothing (no facts, no
 * trips, no values): another step is being judged meanwhile. When it fails, it is its own step that fails.
 */
export interface Ahead {
  readonly work: (world: World) => Promise<void>;
  /** Begins when this step's turn comes; with the pass when not given. */
  readonly with?: string;
  /** Begins when the work of these is over too, whatever came of it. */
  readonly after?: readonly string[];
  /** Takes it back where the step is not judged after all. Without it clean-up does. */
  readonly undo?: (world: World) => Promise<void>;
  /** When the set-up began it already, in ms since the epoch; undefined when it did not. */
  readonly since?: (world: World) => number | undefined;
}

/** The steps of a table, each with its key as its id, in the table's order. */
export function inSection(
  section: Section,
  steps: Readonly<Record<string, Omit<Step, 'id' | 'section'>>>,
): readonly Step[] {
  return Object.entries(steps).map(([id, step]) => ({ id, section, ...step }));
}

/** For steps that deploy Squid, or look into it. */
export function isDeployed({ proxy }: RunPlan): boolean {
  return proxy.kind === 'deployed';
}

/** For steps that judge by the proxy's log, which a given proxy need not show. */
export function withoutItsLog({ proxy }: RunPlan): string | undefined {
  return noStatement(proxy);
}

/** The given steps and all that they need, in the document's order. */
export function withNeeds(steps: readonly Step[], ids: readonly string[]): Step[] {
  const wanted = new Set<string>();
  const want = (id: string): void => {
    if (wanted.has(id)) return;
    wanted.add(id);
    const step = steps.find((candidate) => candidate.id === id);
    for (const need of step?.needs ?? []) want(need);
    // Removing what was never there would prove nothing.
    if (step?.undoes !== undefined) want(step.undoes);
  };
  ids.forEach(want);
  return steps.filter(({ id }) => wanted.has(id));
}
