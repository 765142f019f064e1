import type { Results } from '../../results/results.ts';
import { Differences } from './differences.tsx';
import { documentOf, type Section } from './document.tsx';
import { dateTime } from './format.ts';
import { Particulars, Versions } from './particulars.tsx';
import { Phases, StabilityTable } from './phases.tsx';
import { Steps } from './steps.tsx';
import { TimeLine } from './time-line.tsx';
import { Traffic } from './traffic.tsx';
import { headline, VerdictHead } from './verdict.tsx';

/** The report of a run as the text of one HTML file: nothing to load, nothing that runs, readable on paper as well. */
export function pageOf(run: Results): Promise<string> {
  return documentOf({
    title: `${headline(run)} · ${run.runId}`,
    head: <VerdictHead run={run} />,
    sections: sectionsOf(run),
    foot: (
      <p>
        Run <code>{run.runId}</code>, {dateTime(run.endedAt)}, suite{' '}
        {run.versions['suite'] ?? 'of an unknown version'}. The same as data:{' '}
        <a href="../results.json">results.json</a>, <a href="../junit.xml">junit.xml</a>.
      </p>
    ),
  });
}

function sectionsOf(run: Results): Section[] {
  const { gate, stability } = run;
  return [
    ...(gate?.traffic === undefined
      ? []
      : [{ id: 'traffic', title: 'Live traffic', content: <Traffic run={run} traffic={gate.traffic} /> }]),
    ...(gate === undefined
      ? []
      : [
          { id: 'differences', title: 'Differences', content: <Differences gate={gate} /> },
          { id: 'phases', title: 'Phases', content: <Phases gate={gate} steps={run.steps} /> },
        ]),
    ...(stability === undefined
      ? []
      : [{ id: 'stability', title: 'Stability', content: <StabilityTable run={run} /> }]),
    { id: 'steps', title: 'Steps', content: <Steps run={run} /> },
    { id: 'time-line', title: 'Time line', content: <TimeLine run={run} /> },
    { id: 'versions', title: 'Versions and images', content: <Versions run={run} /> },
    { id: 'configuration', title: 'Configuration', content: <Particulars run={run} /> },
  ];
}
