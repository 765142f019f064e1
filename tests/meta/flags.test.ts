import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { defaultEdition } from '../../fixtures/document/editions.ts';
import { labelKeys } from '../../helpers/cluster/labels.ts';
import { eventSchema, type RunEvent } from '../../helpers/events/events.ts';
import { atTerminal, keys } from '../support/terminal.ts';
import { runCheckout, type CheckoutRun } from '../../faults/checkout.ts';

/** A mistake that the step MESH-1 finds. */
const edits = {
  [`fixtures/document/${defaultEdition}/service-entry.yaml`]: (text: string) =>
    text.replace('protocol: TCP', 'protocol: HTTP'),
};
const pausing = ['run', '--target', 'hermetic', '--pause-on-failure', '--json'];
const paused = /^Enter goes on with the run; Ctrl-C ends it and cleans up\.\r?\n/m;

/** Every line, none of which may be anything else. */
function eventsOf({ stdout }: CheckoutRun): RunEvent[] {
  return stdout.split('\n').map((line) => eventSchema.parse(JSON.parse(line)));
}

function stepOf(event: RunEvent): string | undefined {
  if ('id' in event) return event.id;
  return 'step' in event ? event.step : undefined;
}

/** Runs the command that the pause says to paste into a shell. */
async function paste(shown: string): Promise<string> {
  const lines = /^From another shell:\r?\n((?: {2}.*\r?\n)+)/m.exec(shown)?.[1] ?? '';
  expect(lines).toMatch(/^ {2}export KUBECONFIG=/);
  return (await execa('bash', ['-ec', lines.replaceAll('\r', '')])).stdout;
}

/** Containers and networks of a run that are still there. */
async function leftOf({ results }: CheckoutRun): Promise<string[]> {
  const runId = results?.runId ?? expect.fail('there are no results');
  const filter = ['--quiet', '--filter', `label=${labelKeys.run}=${runId}`];
  const lists = [
    ['ps', '--all'],
    ['network', 'ls'],
  ];
  const told = await Promise.all(lists.map((list) => execa('docker', [...list, ...filter])));
  return told.map(({ stdout }) => stdout).filter((text) => text !== '');
}

describe('a run that waits where a step failed', () => {
  test('has its evidence and its cluster, goes on at Enter, skips the rest, and tells it all in events', async () => {
    let shown = '';
    let reached = '';
    await using run = await runCheckout({
      args: [...pausing, '--fail-fast'],
      edits,
      ...atTerminal({
        when: paused,
        types: async (text) => {
          shown = text;
          reached = await paste(text);
          return keys.enter;
        },
      }),
    });
    expect(shown).toContain(
      'Paused: MESH-1 failed (SERVICE_ENTRY_PROTOCOL), and everything is still in place.',
    );
    expect(reached).toMatch(/^default +curl-\S+ +2\/2 +Running /m);
    expect(reached).toMatch(/^curl-\S+\.default +Kubernetes +istiod-/m);
    expect(run.exitCode).toBe(1);

    const events = eventsOf(run);
    // The pause is within the step, and of its evidence the bundle is named afterwards.
    const ofTheStep = events.filter((event) => stepOf(event) === 'MESH-1').map(({ type }) => type);
    expect(ofTheStep).toEqual(['step-started', 'paused', 'resumed', 'step-ended', 'evidence']);
    const ends = events.filter((event) => event.type === 'step-ended');
    const later = ends.slice(ends.findIndex(({ id }) => id === 'MESH-1') + 1);
    expect(later.length).toBeGreaterThan(5);
    expect(new Set(later.map(({ status, reason }) => `${status}: ${reason}`))).toEqual(
      new Set(['skipped: because step MESH-1 failed (--fail-fast)']),
    );
    expect(events.at(-1)).toMatchObject({ type: 'verdict', verdict: 'not conformant', exitCode: 1 });
    expect(await leftOf(run)).toEqual([]);
  });

  test('ends and cleans up at Ctrl-C', async () => {
    await using run = await runCheckout({
      args: [...pausing, '--step', 'MESH-1'],
      edits,
      ...atTerminal({ when: paused, types: () => keys.interrupt }),
    });
    expect(run.exitCode).toBe(130);
    const events = eventsOf(run);
    expect(events.at(-1)).toMatchObject({ type: 'verdict', verdict: 'interrupted', exitCode: 130 });
    expect(run.results).toMatchObject({ verdict: 'interrupted' });
    expect(await leftOf(run)).toEqual([]);
  });
});
