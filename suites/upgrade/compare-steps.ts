import { compare } from '../../helpers/gate/differences.ts';
import { judge } from '../../helpers/results/verdict.ts';
import { expectedChanges } from '../../helpers/gate/expected-changes.ts';
import type { Difference } from '../../helpers/results/gate.ts';
import { ConformanceError, type Finding } from '../../helpers/trip/finding.ts';
import type { Step } from '../document/step.ts';
import type { Gate, PassName } from './gate.ts';
import { operation } from './operations.ts';

/** What changed between the document's passes: known, or new. */
export function compareSteps(gate: Gate): readonly Step[] {
  const { rollback } = gate.plan;
  const own: readonly PassName[] = rollback ? ['rolled back'] : ['old proxy', 'fresh proxy'];
  const clients: readonly PassName[] = rollback
    ? ['client at the end']
    : ['client after', 'client at the end'];
  const pairs: readonly (readonly [PassName, PassName])[] = [
    ...own.map((name) => ['before', name] as const),
    ...(gate.client === undefined ? [] : clients.map((name) => ['client before', name] as const)),
  ];
  return pairs.map(([first, name], index) =>
    operation(
      `COMPARE-${index + 1}`,
      `Before the upgrade, and ${titles[name]}: nothing changed that matters`,
      [],
      (world) => {
        const before = gate.observations.get(first);
        const after = gate.observations.get(name);
        if (before === undefined || after === undefined) {
          throw new TypeError(`nothing was written down of ${before === undefined ? first : name}`);
        }
        const { from, to } = gate.pair();
        const pair = { from, to: rollback ? from : to };
        const { differences, unused } = compare(
          before,
          after,
          expectedChanges(gate.plan.expectedChanges),
          pair,
        );
        // An entry that came true in another pass is none that nobody needs: a log changes with the sidecar alone.
        const everywhere = gate.comparisons.reduce(
          (left, earlier) => left.filter((id) => earlier.unused.includes(id)),
          unused,
        );
        gate.comparisons.splice(
          0,
          Infinity,
          ...gate.comparisons.map((earlier) => ({ ...earlier, unused: [] })),
        );
        gate.comparisons.push({
          before: before.phase,
          after: after.phase,
          differences,
          unused: everywhere,
          observed: { before, after },
        });
        const { regressions, warnings } = judge(differences, { strict: gate.plan.strict });
        const changed = differences.filter(({ kind }) => kind !== 'duration');
        world.note('differences', `${changed.length}, ${warnings.length} of them new`);
        const findings = regressionFindings(regressions);
        if (findings.length > 0) throw new ConformanceError(findings);
        return Promise.resolve();
      },
    ),
  );
}

function regressionFindings(regressions: readonly Difference[]): Finding[] {
  const limits = regressions.filter(({ kind }) => kind === 'limit');
  const others = regressions.filter(({ kind }) => kind !== 'limit');
  return [
    ...limits.map(({ id, before, after }) => ({
      cause: 'LIMIT_TIGHTENED' as const,
      seen: `${id.replace(/^limit: /, '')}: ${before} → ${after}`,
      expected: 'the limits from before the upgrade, or wider ones',
    })),
    ...(others.length === 0
      ? []
      : [
          {
            cause: 'UNREVIEWED_CHANGE' as const,
            seen: others.map(({ id }) => id).join('; '),
            expected: 'no regression, and no change that fixtures/expected-changes.yaml does not list',
          },
        ]),
  ];
}

const titles: Readonly<Record<PassName, string>> = {
  before: 'before',
  upgrade: 'during it',
  'old proxy': 'after it with the old sidecar',
  'fresh proxy': 'after it with a fresh one',
  'rolled back': 'rolled back',
  'client before': 'before, from your client',
  'client after': 'after it from your client',
  'client at the end': 'at the end from your client',
};
