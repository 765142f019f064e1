import type { Results } from '../../results/results.ts';
import type { StepResult } from '../../results/step.ts';
import { anchor, counted, duration, sectionTitle } from './format.ts';
import { shortTally, worstOf } from '../tally.ts';
import { DrawnTrips, StatusMark, StepArticle } from './step.tsx';

/** The steps in the order they ran, below the document's sections; of a gate below its phases, of passes below these. */
export function Steps({ run }: { readonly run: Results }) {
  const drawn = new DrawnTrips();
  if (run.steps.length === 0) return <p>No step ran.</p>;
  return (
    <>
      {run.steps.every(({ trips }) => trips.length === 0) ? null : <HowToRead />}
      {run.gate !== undefined ? (
        <PhasesOfSteps run={run} drawn={drawn} />
      ) : run.stability !== undefined ? (
        <Passes run={run} drawn={drawn} />
      ) : (
        <Sections steps={run.steps} drawn={drawn} heading="h3" />
      )}
    </>
  );
}

function HowToRead() {
  return (
    <details>
      <summary>How to read the pictures</summary>
      <ul class="reading">
        <li>
          A picture is one request, from the client to the origin; each box is a witness, and holds what it
          said.
        </li>
        <li>
          At an arrow stand the address that the connection came from, the one it led to, and the bytes that
          came back over it.
        </li>
        <li>
          <span class="good">✓</span> the witnesses on both sides say the same; <span class="bad">≠</span>{' '}
          they contradict each other; without a sign only one of them can tell.
        </li>
        <li>
          A dashed box said nothing. Where that is the fault it is red, with <span class="bad">✗</span>; of a
          step that passed it was meant to be so.
        </li>
      </ul>
    </details>
  );
}

interface SectionsProps {
  readonly steps: readonly StepResult[];
  readonly drawn: DrawnTrips;
  readonly heading: 'h3' | 'h4';
}

function Sections({ steps, drawn, heading: Heading }: SectionsProps) {
  return (
    <>
      {consecutive(steps, ({ section }) => section).map(([section, here]) => (
        <div class="group" key={here[0]?.id}>
          <div class="group-line">
            <Heading>{sectionTitle(section)}</Heading>
            <Sum steps={here} />
          </div>
          {here.map((step) => (
            <StepArticle key={step.id} {...{ step, drawn }} level={Heading === 'h3' ? 'h4' : 'h5'} />
          ))}
        </div>
      ))}
    </>
  );
}

function Sum({ steps }: { readonly steps: readonly StepResult[] }) {
  const took = steps.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return (
    <span class="sum">
      {shortTally(steps)} · {duration(took)}
    </span>
  );
}

interface GroupProps {
  readonly run: Results;
  readonly drawn: DrawnTrips;
}

/** Each pass over the document folded, unless something failed in it; what the upgrade itself does is open. */
function PhasesOfSteps({ run, drawn }: GroupProps) {
  const titles = new Map(run.gate?.phases.map(({ id, title }) => [id, title]));
  return (
    <>
      {consecutive(run.steps, ({ phase = '' }) => phase).map(([phase, steps]) => {
        const operations = steps.every(({ section }) => section === 'upgrade');
        const open = operations || steps.some(({ status }) => status === 'failed');
        return (
          <Folded
            key={phase}
            id={anchor('phase', phase)}
            title={titles.get(phase) ?? phase}
            {...{ steps, open, drawn }}
          />
        );
      })}
    </>
  );
}

/** Of many passes those that say something: the first one, and each that did not pass as a whole. */
function Passes({ run, drawn }: GroupProps) {
  const passes = consecutive(run.steps, ({ pass }) => String(pass));
  const told = passes.filter(
    ([, steps], index) => index === 0 || steps.some(({ status }) => status !== 'passed'),
  );
  const others = passes.length - told.length;
  return (
    <>
      {others === 0 ? null : (
        <p>
          {counted(others, 'pass', 'passes')} in which every step passed {others === 1 ? 'is' : 'are'} not
          shown step by step: the figures above count them, and results.json has them.
        </p>
      )}
      {told.map(([pass, steps]) => {
        const open = steps.some(({ status }) => status === 'failed');
        return (
          <Folded key={pass} id={anchor('pass', pass)} title={`Pass ${pass}`} {...{ steps, open, drawn }} />
        );
      })}
    </>
  );
}

interface FoldedProps {
  readonly id: string;
  readonly title: string;
  readonly steps: readonly StepResult[];
  readonly open: boolean;
  readonly drawn: DrawnTrips;
}

function Folded({ id, title, steps, open, drawn }: FoldedProps) {
  return (
    <details class="fold" id={id} open={open}>
      <summary>
        <StatusMark status={worstOf(steps)} />
        <h3>{title}</h3>
        <Sum steps={steps} />
      </summary>
      <Sections {...{ steps, drawn }} heading="h4" />
    </details>
  );
}

/** Runs of items with the same key, in their order: the controls stand between the document's sections. */
export function consecutive<T>(items: readonly T[], keyOf: (item: T) => string): [key: string, items: T[]][] {
  const groups: [string, T[]][] = [];
  for (const item of items) {
    const key = keyOf(item);
    const last = groups.at(-1);
    if (last?.[0] === key) last[1].push(item);
    else groups.push([key, [item]]);
  }
  return groups;
}
