import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GitHubApi } from '../support/github-api.ts';
import type { Job, WorkflowRun } from './runner.ts';

export const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** What one node suffices for: two versions on one Kubernetes, built from source. */
export const variables = {
  CONFORMANCE_RUNNER: 'company-runner',
  CONFORMANCE_IMAGES: 'source',
  CONFORMANCE_TARGET: 'hermetic',
  CONFORMANCE_NIGHTLY_ISTIO: '>=1.28 <1.30',
  CONFORMANCE_NIGHTLY_K8S: '1.34.4',
};
export const releases = {
  'istio/istio': ['1.29.1', '1.28.3'],
  'k3s-io/k3s': ['v1.34.4+k3s1', 'v1.33.9+k3s1'],
};

/** Nothing to upgrade: there are no gates. */
export const oneVersion = { CONFORMANCE_NIGHTLY_ISTIO: '1.29.1' };

/** The job of the newest releases fails there, which it may. */
export const nobody = 'http://127.0.0.1:9';

export const older = 'Istio 1.28.3 on Kubernetes 1.34.4';
export const newest = 'Istio 1.29.1 on Kubernetes 1.34.4';
export const pairs = ['1.28.3 to 1.29.1, canary', '1.28.3 to 1.29.1, in-place'];

/** Leaves what a run's page on GitHub would show in reports/workflows, and prints its figures. */
export async function told(name: string, run: WorkflowRun, github?: GitHubApi): Promise<void> {
  const folder = join(checkout, 'reports/workflows', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'act.jsonl'), run.output);
  const summaries = [...run.jobs].map(([job, { summary }]) => `# ${job}\n\n${summary}\n`);
  await writeFile(join(folder, 'summaries.md'), summaries.join('\n'));
  const logs = [...run.jobs].map(([job, { log }]) => `# ${job}\n\n${log}\n`);
  await writeFile(join(folder, 'logs.txt'), logs.join('\n'));
  const lines = [...run.jobs].map(([job, { result }]) => `  ${result.padEnd(8)} ${job}`);
  const issues = (github?.issues ?? []).map(
    ({ number, state, title, body, comments }) =>
      `# #${number} ${title} (${state})\n\n${[body, ...comments].join('\n\n---\n\n')}\n`,
  );
  await writeFile(join(folder, 'issues.md'), issues.join('\n'));
  console.log([`${name}: ${run.seconds.toFixed(0)} s, reports/workflows/${name}`, ...lines].join('\n'));
}

/** Each job's result by the part of its name that tells it. */
export function results({ jobs }: WorkflowRun, names: readonly string[]): Record<string, string[]> {
  const found = (name: string): string[] =>
    [...jobs].filter(([job]) => job.includes(name)).map(([, { result }]) => result);
  return Object.fromEntries(names.map((name) => [name, found(name)]));
}

export function all(names: readonly string[], result: string): Record<string, string[]> {
  return Object.fromEntries(names.map((name) => [name, [result]]));
}

export function job(run: WorkflowRun, name: string): Readonly<Job> {
  const found = [...run.jobs].find(([key]) => key.includes(name))?.[1];
  if (found === undefined)
    throw new Error(`No job ran that is called ${name}: ${[...run.jobs.keys()].join('; ')}`);
  return found;
}
