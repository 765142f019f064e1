import type { Cause } from '../../causes/cause.ts';
import { causes } from '../../causes/causes.ts';
import type { Finding } from '../../trip/finding.ts';

/** A cause as docs/causes.md has it; undefined for one of another edition of the suite. */
export function causeOf(code: string): Cause | undefined {
  const known: Readonly<Record<string, Cause>> = causes;
  return Object.hasOwn(known, code) ? known[code] : undefined;
}

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
      <dl class="finding">
        <Said name="Seen" text={first.seen} />
        <Said name="Expected" text={first.expected} />
        {cause === undefined ? null : <Said name="Why" text={cause.why} />}
        {cause === undefined ? null : <Said name="Do" text={cause.do} />}
      </dl>
      {others.length === 0 ? null : (
        <details>
          <summary>Found besides, often a consequence ({others.length})</summary>
          {others.map(({ cause: code, seen, expected }, index) => (
            <div key={index}>
              <p class="cause">
                <code>{code}</code> {causeOf(code)?.title}
              </p>
              <dl class="finding">
                <Said name="Seen" text={seen} />
                <Said name="Expected" text={expected} />
              </dl>
            </div>
          ))}
        </details>
      )}
    </div>
  );
}

function Said({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{text}</dd>
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
