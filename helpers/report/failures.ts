import type { Cause } from '../causes/cause.ts';
import { causes } from '../causes/causes.ts';

/** A cause as docs/causes.md has it; undefined for one of another edition of the suite. */
export function causeOf(code: string): Cause | undefined {
  const known: Readonly<Record<string, Cause>> = causes;
  return Object.hasOwn(known, code) ? known[code] : undefined;
}

interface Failed {
  readonly status: string;
  readonly reason: string;
  readonly findings: readonly { readonly cause: string; readonly seen: string }[];
}

/** Each failure once: where the same was seen of the same cause, the later ones are consequences of the first. */
export function failuresOf<Step extends Failed>(
  steps: readonly Step[],
): { readonly first: Step; readonly others: readonly Step[] }[] {
  const failed = steps.filter(({ status }) => status === 'failed');
  const alike = Map.groupBy(failed, ({ findings: [finding], reason }) =>
    JSON.stringify(finding === undefined ? [reason] : [finding.cause, finding.seen]),
  );
  return [...alike.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [{ first, others }],
  );
}
