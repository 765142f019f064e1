import type { Results, StepResult, Verdict } from '../results.ts';
import { dateTime, counted, duration } from './format.ts';
import { causeOf, Evidence, Findings } from './findings.tsx';
import { notAvailable } from '../../your-proxy/your-proxy.ts';
import { tally } from './status.tsx';
import { stepAnchor } from './step.tsx';

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
export function aboutOf({ gate, versions, configuration, target, proxy, images }: Results): string {
  const kubernetes = versions['kubernetes'] ?? textOf(configuration['k8s']);
  const istio = versions['istiod'] ?? textOf(configuration['istio']);
  const source = images[0]?.source;
  const parts =
    gate === undefined
      ? [istio === undefined ? undefined : `Istio ${istio}`]
      : [
          gate.strategy === 'canary' ? 'as a canary' : 'in place',
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

/** As many as somebody reads; each has its place among the steps. */
const mostFailures = 5;

function FailureList({ run, failed }: { readonly run: Results; readonly failed: readonly StepResult[] }) {
  const different = firstOfEach(failed);
  const outside = run.reason.split('\n').filter((line) => line.startsWith('Outside the steps: '));
  return (
    <>
      {outside.map((line) => (
        <pre key={line}>{line}</pre>
      ))}
      {different.slice(0, mostFailures).map(({ step, times }) => (
        <div class="failure" key={stepAnchor(step)}>
          <p class="failed-step">
            <a href={`#${stepAnchor(step)}`}>{step.id}</a> {step.title}
            {whenOf(run, step, times)}
          </p>
          {step.findings.length === 0 ? (
            <pre>{step.reason}</pre>
          ) : (
            <Findings findings={step.findings.slice(0, 1)} />
          )}
          <Evidence folder={step.evidence} />
        </div>
      ))}
      {different.length <= mostFailures ? null : (
        <p>{counted(different.length - mostFailures, 'further failure')} below, among the steps.</p>
      )}
    </>
  );
}

function whenOf({ gate, stability }: Results, { phase, pass }: StepResult, times: number): string {
  if (gate !== undefined) return ` (${gate.phases.find(({ id }) => id === phase)?.title ?? phase ?? ''})`;
  if (stability === undefined) return '';
  return ` (first in pass ${pass}${times === 1 ? '' : `, in ${times} passes in all`})`;
}

/** Of many passes each failure once: the same step of the same cause. */
function firstOfEach(failed: readonly StepResult[]): { step: StepResult; times: number }[] {
  const known = new Map<string, { step: StepResult; times: number }>();
  for (const step of failed) {
    const key = [step.phase ?? '', step.id, step.findings[0]?.cause ?? ''].join(' ');
    const entry = known.get(key);
    if (entry === undefined) known.set(key, { step, times: 1 });
    else entry.times += 1;
  }
  return [...known.values()];
}
