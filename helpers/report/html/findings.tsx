import type { Finding } from '../../trip/finding.ts';
import { causeOf } from '../failures.ts';
import { Pairs } from './table.tsx';

/** The first finding in full, the others in short: they are often its consequence. */
export function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  const [first, ...others] = findings;
  if (first === undefined) return null;
  const cause = causeOf(first.cause);
  return (
    <div class="findings">
      <p class="cause">
        <code>{first.cause}</code> {cause?.title}
      </p>
      <Pairs
        class="finding"
        pairs={[
          ['Seen', first.seen],
          ['Expected', first.expected],
          ...(cause === undefined
            ? []
            : ([
                ['Why', cause.why],
                ['Do', first.advice ?? cause.do],
              ] as const)),
        ]}
      />
      {others.length === 0 ? null : (
        <details>
          <summary>Found besides, often a consequence ({others.length})</summary>
          {others.map(({ cause: code, seen, expected }, index) => (
            <div key={index}>
              <p class="cause">
                <code>{code}</code> {causeOf(code)?.title}
              </p>
              <Pairs
                class="finding"
                pairs={[
                  ['Seen', seen],
                  ['Expected', expected],
                ]}
              />
            </div>
          ))}
        </details>
      )}
    </div>
  );
}

/** Where the bundle of a failure is, from the page's folder. */
export function Evidence({ folder }: { readonly folder: string }) {
  if (folder === '') return null;
  // A path and nothing else: what would be another address than one below the report folder is shown, not linked.
  if (!/^[\w-][\w./-]*$/.test(folder) || folder.includes('..'))
    return <p class="evidence">Evidence: {folder}</p>;
  return (
    <p class="evidence">
      Evidence: <a href={`../${folder}/index.md`}>{folder}/index.md</a>
    </p>
  );
}
