import type { StepResult } from '../../results/step.ts';
import { anchor, duration } from './format.ts';
import { TripFigure } from './trip.tsx';
import { Pairs } from './table.tsx';
import type { Finding } from '../../trip/finding.ts';
import { causeOf } from '../tally.ts';

type Status = StepResult['status'];

const marks = { passed: '✓', failed: '✗', skipped: '–' } as const satisfies Record<Status, string>;

/** A step's state: a sign of its own shape beside its colour, and a word for who sees neither. */
export function StatusMark({ status }: { readonly status: Status }) {
  return (
    <span class={`mark ${status}`}>
      <span aria-hidden="true">{marks[status]}</span>
      <span class="unseen">{status}</span>
    </span>
  );
}

/** Where a step is on the page; the same step may be there once for each pass or phase. */
export function stepAnchor({ id, pass, phase }: Pick<StepResult, 'id' | 'pass' | 'phase'>): string {
  return anchor('step', ...(phase === undefined ? [] : [phase]), ...(pass === 1 ? [] : [`pass-${pass}`]), id);
}

/** Remembers which requests have been drawn: several steps judge one, and it is shown at the first of them. */
export class DrawnTrips {
  readonly #at = new Map<string, StepResult>();

  /** The step that the trip is drawn at, if it has been already; remembers `step` for it otherwise. */
  earlier(trip: string, step: StepResult): StepResult | undefined {
    const known = this.#at.get(trip);
    if (known === undefined) this.#at.set(trip, step);
    return known;
  }
}

interface StepProps {
  readonly step: StepResult;
  readonly drawn: DrawnTrips;
  readonly level: 'h4' | 'h5';
}

/** A step with all it established and, where it failed, why. */
export function StepArticle({ step, drawn, level: Heading }: StepProps) {
  const { id, title, status, durationMs, command, facts, findings, reason, evidence } = step;
  const at = stepAnchor(step);
  const established = Object.entries(facts);
  return (
    <article id={at} class={`step ${status}`} aria-labelledby={`${at}-title`}>
      <div class="step-line">
        <StatusMark status={status} />
        <Heading id={`${at}-title`}>
          <span class="step-id">{id}</span> {title}
        </Heading>
        {command === '' ? null : (
          <details class="command">
            <summary>
              Command <span class="unseen">of {id}</span>
            </summary>
            <pre>{command}</pre>
          </details>
        )}
        <span class="took">{status === 'skipped' ? '' : duration(durationMs)}</span>
      </div>
      {status === 'skipped' ? <p class="because">Skipped {reason}</p> : null}
      {status === 'failed' && findings.length === 0 ? <pre>{reason}</pre> : null}
      {status === 'failed' ? <Findings findings={findings} /> : null}
      {established.length === 0 ? null : <Pairs class="facts" pairs={established} />}
      <Evidence folder={evidence} />
      {step.trips.map((trip) => {
        const earlier = drawn.earlier(trip.id, step);
        // What a failure is about is drawn where it failed, even if an earlier step has it.
        return earlier === undefined || (status === 'failed' && earlier.status !== 'failed') ? (
          <TripFigure key={trip.id} trip={trip} faulty={status === 'failed'} />
        ) : (
          <p key={trip.id} class="same">
            Judges the request drawn at <a href={`#${stepAnchor(earlier)}`}>{earlier.id}</a>.
          </p>
        );
      })}
    </article>
  );
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
          <summary>Also found, often a consequence ({others.length})</summary>
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
