import type { EnvironmentCode } from '../causes/environment.ts';
import type { Surroundings } from './surroundings.ts';

export type Status = 'ok' | 'warning' | 'failed';

/** What a check found. A run would fail, or come to nothing, for what is `failed`; for a `warning` it goes on. */
export type Finding =
  | { readonly status: 'ok'; readonly message: string }
  | {
      readonly status: 'warning' | 'failed';
      readonly message: string;
      readonly hint: string;
      /** The cause a run ends with that is stopped by it; ENVIRONMENT unless said. */
      readonly code?: EnvironmentCode;
    };

export const groups = ['Container engine', 'Machine', 'Network', 'This suite'] as const;
export type Group = (typeof groups)[number];

export interface Check {
  readonly id: string;
  readonly group: Group;
  /** Costs milliseconds, and is asked at the start of every run. */
  readonly quick?: boolean;
  /** It asks the engine, so there is nothing to ask where none answers. */
  readonly needsEngine?: boolean;
  /** @throws anything: a check that throws becomes a warning */
  readonly look: (surroundings: Surroundings) => Promise<Finding> | Finding;
}

export function inGroup(
  group: Group,
  checks: Readonly<Record<string, Omit<Check, 'id' | 'group'>>>,
): readonly Check[] {
  return Object.entries(checks).map(([id, check]) => ({ id, group, ...check }));
}

export interface Checked {
  readonly id: string;
  readonly group: Group;
  readonly status: Status;
  readonly message: string;
  /** '' where there is nothing to do. */
  readonly hint: string;
  readonly code: EnvironmentCode;
}

export const ok = (message: string): Finding => ({ status: 'ok', message });
export const warning = (message: string, hint: string): Finding => ({ status: 'warning', message, hint });
export const failed = (message: string, hint: string, code: EnvironmentCode = 'ENVIRONMENT'): Finding => ({
  status: 'failed',
  message,
  hint,
  code,
});

/** The worst of several findings decides; the message names all that are not ok. */
export function together(findings: readonly (Finding | undefined)[], fine: string): Finding {
  const bad = findings.filter((finding) => finding !== undefined && finding.status !== 'ok');
  if (bad.length === 0) return ok(fine);
  const messages = bad.map(({ message }) => message).join('; ');
  const hints = [...new Set(bad.map(({ hint }) => hint))].join(' ');
  const worst = bad.find(({ status }) => status === 'failed');
  return worst === undefined ? warning(messages, hints) : failed(messages, hints, worst.code);
}
