import type { Configuration } from '../../helpers/configuration/configuration.ts';
import type { DocumentSection } from '../../helpers/document/edition.ts';
import { parseProxy } from '../../helpers/your-proxy/your-proxy.ts';
import type { World } from './world.ts';

/**
 * Where a step belongs: a section of the document, or the controls and the upgrade, which are the suite's, or `own`: a
 * step of somebody who writes a suite of theirs.
 */
export type Section = DocumentSection | 'controls' | 'upgrade' | 'own';

/** One step of the document: data, and one function that does it and judges it. */
export interface Step {
  /** Stable: reports, `--step` and other people's tools refer to it. */
  readonly id: string;
  readonly section: Section;
  readonly title: string;
  /** The document's commands that this step carries out, word for word; empty for a claim it makes in prose. */
  readonly commands: readonly string[];
  /** The document's sentences that this step checks, word for word, where there is no command. */
  readonly claims?: readonly string[];
  /** Steps without whose success this one cannot be judged. */
  readonly needs: readonly string[];
  /** For clean-up: the step that makes what this one removes. Run when this one is chosen, not needed by it after a failure. */
  readonly undoes?: string;
  /** Whether a run of this configuration has it; every run has it when not given. */
  readonly when?: (configuration: Configuration) => boolean;
  /** Why a run of this configuration cannot judge it, though it is part of it; it is reported as skipped then. */
  readonly unavailable?: (configuration: Configuration) => string | undefined;
  /** Does what the step is about and judges it; where it has `ahead`, that was done before. */
  readonly run: (world: World) => Promise<void>;
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

/** For steps that deploy Squid, or look into it: a proxy of the user's is neither the suite's to deploy nor to look into. */
export function squidIsDeployed({ proxy }: Configuration): boolean {
  return proxy === undefined;
}

/** Whether the proxy was told by its name: its entry has no addresses then, and is resolved by DNS. */
export function isNamed({ proxy }: Configuration): boolean {
  return proxy !== undefined && parseProxy(proxy).name !== undefined;
}

/** For steps that judge by the proxy's log, which a proxy of the user's need not show. */
export function withoutItsLog({ proxy, proxyLog }: Configuration): string | undefined {
  if (proxy === undefined || proxyLog !== undefined) return undefined;
  return `not available: the log of ${proxy} is not followed (--proxy-log)`;
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
