/** Who has to look at it. */
export type CauseFamily =
  'mesh' | 'sidecar' | 'proxy' | 'destination' | 'client' | 'upgrade' | 'clean-up' | 'environment';

/** What a finding means, for someone who has neither written the suite nor Istio. */
export interface Cause {
  readonly family: CauseFamily;
  /** One line, without a full stop. */
  readonly title: string;
  /** What it typically looks like; a finding has what was seen this time. */
  readonly seen: string;
  readonly expected: string;
  readonly why: string;
  readonly do: string;
  /** Where this is known from. */
  readonly source: string;
}

/** A cause that `diagnose` finds in the statements of a trip. */
export interface TripCause extends Cause {
  /**
   * A trip's findings are sorted by this, lowest first, and the first one decides between red and the environment.
   * Low ranks name an object in the mesh, then comes what the proxy or the destination did. What is only missing, and
   * follows from something else, has a high rank. Ranks are unique and leave gaps for new causes.
   */
  readonly rank: number;
  /** It says that a statement is missing, not why the client failed. */
  readonly merelyMissing?: true;
  /** One trip can have it several times, for different reasons. Other causes are reported once per trip. */
  readonly repeatable?: true;
}

/** Causes that the same people have to look at. */
export function ofFamily<Code extends string>(
  family: CauseFamily,
  entries: Readonly<Record<Code, Omit<Cause, 'family'>>>,
): Readonly<Record<Code, Cause>> {
  const all = Object.entries<Omit<Cause, 'family'>>(entries);
  return Object.fromEntries(all.map(([code, cause]) => [code, { family, ...cause }])) as Record<Code, Cause>;
}
