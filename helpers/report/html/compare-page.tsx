import {
  isWorse,
  outcomeInWords,
  noticeable,
  type Change,
  type RunComparison,
  type Side,
  type StepChange,
} from '../compare.ts';
import { documentOf } from './document.tsx';
import { causeOf } from '../tally.ts';
import { counted, dateTime, duration } from './format.ts';
import { Pairs, Table } from './table.tsx';

/** What differs between two runs, as a page like a run's own. */
export function comparePageOf(comparison: RunComparison): Promise<string> {
  const { before, after, steps, same, versions, images, configuration } = comparison;
  const worse = steps.filter(isWorse).length;
  const tables = [
    { id: 'versions', title: 'Versions', changes: versions },
    { id: 'images', title: 'Images', changes: images },
    { id: 'configuration', title: 'Configuration', changes: configuration },
  ].filter(({ changes }) => changes.length > 0);
  const differ = steps.length + tables.length > 0;
  return documentOf({
    title: `${before.runId} and ${after.runId} compared`,
    head: (
      <div class={`verdict ${worse > 0 ? 'failed' : 'passed'}`}>
        <p class="sign" aria-hidden="true">
          {worse > 0 ? '✗' : '✓'}
        </p>
        <div>
          <h1>
            {worse > 0
              ? `${counted(worse, 'step')} got worse`
              : differ
                ? 'No step got worse'
                : 'Nothing differs'}
          </h1>
          <p class="about">
            {counted(steps.length, 'step')} {steps.length === 1 ? 'differs' : 'differ'}, {same} do not
          </p>
          <Pairs
            class="sides"
            pairs={[
              ['Before', <OneSide side={before} />],
              ['After', <OneSide side={after} />],
            ]}
          />
        </div>
      </div>
    ),
    sections: [
      { id: 'steps', title: 'Steps', content: <Steps steps={steps} /> },
      ...tables.map(({ id, title, changes }) => ({
        id,
        title,
        content: <Changes label={title} changes={changes} />,
      })),
    ],
    foot: (
      <p>
        Durations count where they differ by {duration(noticeable.ms)} and by a factor of {noticeable.times}{' '}
        at least; addresses and the names of pods, which each run has anew, do not.
      </p>
    ),
  });
}

function OneSide({ side }: { readonly side: Side }) {
  const { runId, verdict, cause, startedAt, durationMs, passes } = side;
  return (
    <>
      <strong>{verdict}</strong>
      {cause === undefined ? '' : ` (${cause})`}, <code>{runId}</code>, {dateTime(startedAt)},{' '}
      {passes === 1 ? '' : `${passes} passes in `}
      {duration(durationMs)}
    </>
  );
}

function Steps({ steps }: { readonly steps: readonly StepChange[] }) {
  if (steps.length === 0) return <p>Every step went as it did before.</p>;
  return (
    <Table
      label="Steps that differ"
      head={['Step', 'Before', 'After']}
      rows={steps.map((step) => [
        <div class="titled">
          {isWorse(step) ? <strong class="bad">✗ {step.id}</strong> : step.id}{' '}
          <span>
            {step.title}
            {step.phase === undefined ? '' : ` (${step.phase})`}
          </span>
        </div>,
        <Outcome step={step} side="before" />,
        <Outcome step={step} side="after" />,
      ])}
    />
  );
}

function Outcome({ step, side }: { readonly step: StepChange; readonly side: 'before' | 'after' }) {
  const outcome = step[side];
  if (outcome === undefined) return <span class="none">not in this run</span>;
  const title = outcome.cause === undefined ? undefined : causeOf(outcome.cause)?.title;
  return (
    <>
      {outcomeInWords(outcome)}
      {title === undefined ? null : <div class="none">{title}</div>}
      {outcome.durationMs === undefined || !step.aspects.includes('duration') ? null : (
        <div>{duration(outcome.durationMs)}</div>
      )}
      {step.facts.map((fact) => (
        <div key={fact.name}>
          {fact.name}: <code>{or(fact[side])}</code>
        </div>
      ))}
    </>
  );
}

function Changes({ label, changes }: { readonly label: string; readonly changes: readonly Change[] }) {
  return (
    <Table
      label={label}
      head={['What', 'Before', 'After']}
      rows={changes.map(({ name, before, after }) => [
        name,
        <code>{or(before)}</code>,
        <code>{or(after)}</code>,
      ])}
    />
  );
}

function or(text: string): string {
  return text === '' ? 'none' : text;
}
