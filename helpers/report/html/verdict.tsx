import type { Results, Verdict } from '../../results/results.ts';
import type { StepResult } from '../../results/step.ts';
import { dateTime, counted, duration } from './format.ts';
import { Evidence, Findings, stepAnchor } from './step.tsx';
import { notAvailable } from '../../proxy/proxy.ts';
import { causeOf, failuresOf, tally } from '../tally.ts';

/** How a verdict is shown: green, red, or neither, since nothing is said about Istio. */
const tones = {
  conformant: 'passed',
  'not conformant': 'failed',
  unstable: 'failed',
  environment: 'skipped',
  usage: 'skipped',
  interrupted: 'skipped',
} as const satisfies Record<Verdict, string>;

const signs = { passed: '✓', failed: '✗', skipped: '!' } as const;

/** The first thing that is read: the verdict, what it is about, and of a red one why and what to do. */
export function VerdictHead({ run }: { readonly run: Results }) {
  const tone = tones[run.verdict];
  const failed = run.steps.filter(({ status }) => status === 'failed');
  return (
    <div class={`verdict ${tone}`}>
      <p class="sign" aria-hidden="true">
        {signs[tone]}
      </p>
      <div>
        <h1>{headline(run)}</h1>
        <p class="about">{aboutOf(run)}</p>
        <p class="counts">
          {run.steps.length === 0 ? 'No step ran' : tally(run.steps)} in {duration(run.durationMs)}
          {run.scope === 'partial' ? ', chosen steps only (--step)' : ''} ·{' '}
          <time datetime={run.startedAt}>{dateTime(run.startedAt)}</time>
          {run.cause === undefined ? null : (
            <>
              {' '}
              · cause <code>{run.cause}</code>
            </>
          )}
        </p>
        {run.proxy?.statement === notAvailable ? (
          <p class="about">
            The statement of your proxy {run.proxy.address} is <strong>not available</strong> (no{' '}
            <code>--proxy-log</code>): nothing was judged by it.
          </p>
        ) : null}
        {failed.length === 0 ? <Reason run={run} /> : <FailureList run={run} failed={failed} />}
      </div>
    </div>
  );
}

/** `Not conformant`; of a gate whether the upgrade may go out. */
export function headline({ verdict, gate }: Pick<Results, 'verdict' | 'gate'>): string {
  const word = verdict.charAt(0).toUpperCase() + verdict.slice(1);
  if (gate === undefined) {
    return { ...plain, environment: 'Environment: nothing is said about Istio' }[verdict] ?? word;
  }
  const upgrade = `The upgrade ${gate.from} → ${gate.to}`;
  if (verdict === 'conformant') return `${upgrade} may go out`;
  if (verdict === 'not conformant') return `${upgrade} must not go out`;
  return `${upgrade} was not judged: ${verdict}`;
}

const plain: Partial<Record<Verdict, string>> = { usage: 'Not run: wrong usage', interrupted: 'Interrupted' };

/** What was tried: versions, where images and destination come from. */
function aboutOf({ gate, versions, configuration, target, proxy, images }: Results): string {
  const kubernetes = versions['kubernetes'] ?? textOf(configuration['k8s']);
  const istio = versions['istiod'] ?? textOf(configuration['istio']);
  const source = images[0]?.source;
  const parts =
    gate === undefined
      ? [istio === undefined ? undefined : `Istio ${istio}`]
      : [
          { canary: 'as a canary', 'in-place': 'in place', unknown: undefined }[gate.strategy],
          gate.rollback ? 'rolled back after the first namespace' : undefined,
          gate.strict ? 'strict' : undefined,
        ];
  return [
    ...parts,
    kubernetes === undefined ? undefined : `Kubernetes ${kubernetes}`,
    target === undefined ? undefined : `${target.kind} destination`,
    proxy === undefined ? undefined : `your proxy ${proxy.address}`,
    source === undefined ? undefined : source === 'source' ? 'images built from source' : 'published images',
  ]
    .filter((part) => part !== undefined)
    .join(' · ');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** For what went wrong outside the steps. */
function Reason({ run: { reason, cause, evidence } }: { readonly run: Results }) {
  if (reason === '') return null;
  const known = cause === undefined ? undefined : causeOf(cause);
  return (
    <div class="failure">
      <pre>{reason}</pre>
      {known === undefined ? null : (
        <p>
          <strong>Do</strong> {known.do}
        </p>
      )}
      <Evidence folder={evidence ?? ''} />
    </div>
  );
}

/** Each has its place among the steps. */
const mostFailures = 5;

function FailureList({ run, failed }: { readonly run: Results; readonly failed: readonly StepResult[] }) {
  const different = failuresOf(failed);
  const outside = run.reason.split('\n').filter((line) => line.startsWith('Outside the steps: '));
  return (
    <>
      {outside.map((line) => (
        <pre key={line}>{line}</pre>
      ))}
      {different.slice(0, mostFailures).map(({ first, others }) => (
        <div class="failure" key={stepAnchor(first)}>
          <p class="failed-step">
            <a href={`#${stepAnchor(first)}`}>{first.id}</a> {first.title}
            {whenOf(run, first)}
          </p>
          {first.findings.length === 0 ? (
            <pre>{first.reason}</pre>
          ) : (
            <Findings findings={first.findings.slice(0, 1)} />
          )}
          <Evidence folder={first.evidence} />
          <SameElsewhere run={run} others={others} />
        </div>
      ))}
      {different.length <= mostFailures ? null : (
        <p>{counted(different.length - mostFailures, 'further failure')} below, among the steps.</p>
      )}
    </>
  );
}

const mostOthers = 12;

function SameElsewhere({ run, others }: { readonly run: Results; readonly others: readonly StepResult[] }) {
  if (others.length === 0) return null;
  const shown = others.slice(0, mostOthers);
  return (
    <p>
      The same at{' '}
      {shown.map((step, index) => (
        <span key={stepAnchor(step)}>
          {index === 0 ? '' : ', '}
          <a href={`#${stepAnchor(step)}`}>{step.id}</a>
          {whenOf(run, step)}
        </span>
      ))}
      {others.length === shown.length ? '' : ` and ${others.length - shown.length} more`}.
    </p>
  );
}

function whenOf({ gate, stability }: Results, { phase, pass }: StepResult): string {
  if (gate !== undefined) return ` (${gate.phases.find(({ id }) => id === phase)?.title ?? phase ?? ''})`;
  return stability === undefined ? '' : ` (pass ${pass})`;
}
