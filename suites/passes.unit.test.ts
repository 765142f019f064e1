import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { EnvironmentError } from '../helpers/errors.ts';
import type { StepRecord } from '../helpers/results/step.ts';
import { deployedProxy } from '../helpers/proxy/proxy.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import { timeouts } from '../helpers/timeouts.ts';
import type { Step } from './document/step.ts';
import type { World } from './document/world.ts';
import type { Evidence } from './evidence.ts';
import { recordOf } from './pass.ts';
import { Passes } from './passes.ts';

const kubeconfig = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'none', cluster: { server: 'https://127.0.0.1:1' } }],
  contexts: [{ name: 'none', context: { cluster: 'none', user: 'none' } }],
  users: [{ name: 'none', user: {} }],
  'current-context': 'none',
});
const session = (reused: boolean, failFast = false): SessionFacts =>
  ({
    configuration: { failFast, edition: '2018-zh' },
    proxy: deployedProxy,
    cluster: { kubeconfig, reused },
    images: { istio: '1.29.1', images: { proxyv2: { reference: 'istio/proxyv2:1.29.1' } } },
    destination: {},
    folder: '',
  }) as unknown as SessionFacts;

function stepSeeing(worlds: World[]): Step {
  return {
    id: 'MESH-2',
    section: 'controls',
    title: '',
    commands: [],
    needs: [],
    run: (world) => {
      worlds.push(world);
      world.versions['pass'] = String(worlds.length);
      return Promise.resolve();
    },
  };
}

async function take(passes: Passes, step: Step, pass = 1): Promise<StepRecord> {
  const record = recordOf(step, { pass });
  await passes.take(step, record);
  return record;
}

describe('the passes', () => {
  it.each([
    { reused: false, used: [false, true, true] },
    { reused: true, used: [true, true, true] },
  ])('begin with a reset wherever something ran before: $reused', async ({ reused, used }) => {
    const seen: boolean[] = [];
    const passes = new Passes(session(reused), [], undefined, (_world, wasUsed) => {
      seen.push(wasUsed);
      return Promise.resolve();
    });
    for (const number of [1, 2, 3]) {
      await passes.begin(number);
      await passes.end(number);
    }
    expect(seen).toEqual(used);
  });

  it('find only in the first one what the set-up began', async () => {
    const worlds: World[] = [];
    const begun = { ...session(false), begunInstall: { at: 1 } };
    const passes = new Passes(begun, [], undefined, () => Promise.resolve());
    for (const number of [1, 2]) {
      await passes.begin(number);
      await take(passes, stepSeeing(worlds));
      await passes.end(number);
    }
    expect(worlds.map((world) => world.session.begunInstall)).toEqual([{ at: 1 }, undefined]);
  });

  it('have a world each', async () => {
    const worlds: World[] = [];
    const passes = new Passes(session(false), [], undefined, () => Promise.resolve());
    for (const number of [1, 2]) {
      await passes.begin(number);
      expect(await take(passes, stepSeeing(worlds))).toMatchObject({ status: 'passed' });
      expect(passes.versions).toEqual({ pass: String(number) });
      await passes.end(number);
    }
    expect(worlds[0]).not.toBe(worlds[1]);
    expect(passes.versions).toEqual({});
  });

  it('end with the one that could not begin: nothing is judged after it, nor prepared again', async () => {
    let prepared = 0;
    const worlds: World[] = [];
    const passes = new Passes(session(false), [], undefined, () => {
      prepared += 1;
      return prepared === 2 ? Promise.reject(new Error('stuck')) : Promise.resolve();
    });
    await passes.begin(1);
    await passes.end(1);
    await expect(passes.begin(2)).rejects.toThrow('stuck');
    await passes.end(2);
    await passes.begin(3);
    expect(await take(passes, stepSeeing(worlds), 3)).toMatchObject({
      status: 'skipped',
      reason: 'because pass 2 could not begin',
      facts: {},
      trips: [],
      durationMs: 0,
      evidence: '',
    });
    await passes.end(3);
    expect({ prepared, worlds }).toEqual({ prepared: 2, worlds: [] });
  });

  it('end with one in which a step is still at work', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const passes = new Passes(session(false), [], undefined, () => Promise.resolve());
      await passes.begin(1);
      const hanging: Step = { ...stepSeeing([]), run: () => new Promise(() => undefined) };
      const taken = take(passes, hanging);
      await vi.advanceTimersByTimeAsync(timeouts.step);
      expect(await taken).toMatchObject({ status: 'failed' });
      await passes.end(1);
      await passes.begin(2);
      expect(await take(passes, stepSeeing([]))).toMatchObject({
        status: 'skipped',
        reason: 'because a step of pass 1 did not end',
      });
    } finally {
      vi.useRealTimers();
    }
  });

  it('have evidence collected of a step that fails, before the next one, and not as part of its duration', async () => {
    const events: string[] = [];
    const evidence: Evidence = {
      of: async (record) => {
        await delay(300);
        events.push(`evidence of ${record.id} in pass ${record.pass}: ${record.findings[0]?.cause ?? ''}`);
        record.evidence = `evidence/${record.id}`;
      },
    };
    const passes = new Passes(session(false), [], evidence, () => Promise.resolve());
    const failing: Step = { ...stepSeeing([]), run: () => Promise.reject(new EnvironmentError('a', 'b')) };
    const next: Step = {
      ...stepSeeing([]),
      id: 'CLEAN-1',
      run: () => {
        events.push('CLEAN-1');
        return Promise.resolve();
      },
    };
    await passes.begin(2);
    const taken = await take(passes, failing, 2);
    expect(taken).toMatchObject({ status: 'failed', evidence: 'evidence/MESH-2' });
    expect(taken.durationMs).toBeLessThan(250);
    const skipped = await take(passes, { ...failing, id: 'MESH-3', needs: ['MESH-2'] });
    expect(skipped).toMatchObject({ status: 'skipped', evidence: '' });
    await take(passes, next);
    expect(events).toEqual(['evidence of MESH-2 in pass 2: CLUSTER_LOST', 'CLEAN-1']);
  });

  it('end with the first failure where that was asked for, the later ones too', async () => {
    const failing: Step = { ...stepSeeing([]), run: () => Promise.reject(new EnvironmentError('a', 'b')) };
    const passes = new Passes(session(false, true), [], undefined, () => Promise.resolve());
    await passes.begin(1);
    expect(await take(passes, failing)).toMatchObject({ status: 'failed' });
    const reason = 'because step MESH-2 failed (--fail-fast)';
    expect(await take(passes, stepSeeing([]))).toMatchObject({ status: 'skipped', reason });
    await passes.end(1);
    await passes.begin(2);
    expect(await take(passes, stepSeeing([]))).toMatchObject({ status: 'skipped', reason });
  });

  it('judge nothing before one has begun', async () => {
    const passes = new Passes(session(false), [], undefined, () => Promise.resolve());
    expect(await take(passes, stepSeeing([]))).toMatchObject({ status: 'skipped' });
  });
});
