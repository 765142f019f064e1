import { describe, expect, it } from 'vitest';
import type { SessionFacts } from '../helpers/session/session.ts';
import { Gate } from '../suites/upgrade/gate.ts';
import { phasesOf } from '../suites/upgrade/phases.ts';
import { gateFaults } from './upgrade.ts';

const kubeconfig = JSON.stringify({
  clusters: [{ name: 'none', cluster: { server: 'https://127.0.0.1:1' } }],
  contexts: [{ name: 'none', context: { cluster: 'none', user: 'none' } }],
  users: [{ name: 'none', user: {} }],
  'current-context': 'none',
});
const session = {
  configuration: { edition: '2018-zh' },
  cluster: { kubeconfig },
  destination: {},
  folder: '',
  images: { istio: '1.28.3', images: { curl: { reference: 'curl:1' } } },
  others: [{ istio: '1.29.1' }],
} as unknown as SessionFacts;

describe('the faults of an upgrade', () => {
  it.each(gateFaults)(
    '$id names steps that exist, in an order that can catch it',
    ({ strategy, before, given, expect: caught }) => {
      const its = given === undefined ? session : { ...session, given: given(session.images) };
      const gate = new Gate(its, {
        from: '1.28.3',
        to: '1.29.1',
        strategy,
        rollback: false,
        strict: false,
      });
      const steps = phasesOf(gate).flatMap(({ id, steps: own }) => own.map((step) => `${id}/${step.id}`));
      expect(steps).toContain(caught.step);
      if (before === undefined) return;
      expect(steps).toContain(before);
      expect(steps.indexOf(before)).toBeLessThanOrEqual(steps.indexOf(caught.step));
    },
  );
});
