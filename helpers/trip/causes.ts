import { environmentCauses } from './causes.environment.ts';
import { stateCauses } from './causes.state.ts';
import { trafficCauses } from './causes.traffic.ts';
import { upgradeCauses } from './causes.upgrade.ts';
import { yourProxyCauses } from './causes.your-proxy.ts';

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

/** The closed list: a failure has one of these causes, or is UNEXPLAINED. */
export const causes = {
  ...trafficCauses,
  ...stateCauses,
  ...upgradeCauses,
  ...yourProxyCauses,
  ...environmentCauses,
} as const satisfies Record<string, Cause>;

export type CauseCode = keyof typeof causes;
