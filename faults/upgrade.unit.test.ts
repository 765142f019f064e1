import { describe, expect, it } from 'vitest';
import { configurationSchema } from '../helpers/configuration/configuration.ts';
import type { Existing } from '../helpers/existing/existing.ts';
import { deployedProxy } from '../helpers/proxy/proxy.ts';
import { notFound } from '../helpers/results/gate.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import { Gate, setsOf } from '../suites/upgrade/gate.ts';
import { phasesOf } from '../suites/upgrade/phases.ts';
import { gateFaults } from './upgrade.ts';

const kubeconfig = JSON.stringify({
  clusters: [{ name: 'none', cluster: { server: 'https://127.0.0.1:1' } }],
  contexts: [{ name: 'none', context: { cluster: 'none', user: 'none' } }],
  users: [{ name: 'none', user: {} }],
  'current-context': 'none',
});
const session = {
  configuration: configurationSchema.parse({ edition: '2018-zh' }),
  cluster: { kubeconfig },
  namespaces: {},
  proxy: deployedProxy,
  destination: {},
  folder: '',
  images: { istio: '1.28.3', images: { curl: { reference: 'curl:1' }, proxyv2: { reference: '' } } },
  others: [{ istio: '1.29.1', images: { proxyv2: { reference: '' } } }],
} as unknown as SessionFacts;

const istio = { version: '1.28.3', revision: undefined, namespace: 'istio-system' };
const existing = { istio: { ...istio, injection: {}, discovery: {} } } as unknown as Existing;

describe('the faults of an upgrade', () => {
  it.each(gateFaults)(
    '$id names steps that exist, in an order that can catch it',
    ({ expect: caught, ...fault }) => {
      const plan = { from: '1.28.3', to: '1.29.1', rollback: false, strict: false };
      const theirs = { command: 'true' };
      const given = 'given' in fault ? fault.given(session.images, setsOf(session).to) : undefined;
      const its = given === undefined ? session : { ...session, given };
      const gate =
        'strategy' in fault
          ? new Gate(its, { ...plan, strategy: fault.strategy })
          : new Gate({ ...session, existing }, { ...plan, strategy: notFound, theirs });
      const before = 'before' in fault ? fault.before : undefined;
      const steps = phasesOf(gate).flatMap(({ id, steps: own }) => own.map((step) => `${id}/${step.id}`));
      expect(steps).toContain(caught.step);
      if (before === undefined) return;
      expect(steps).toContain(before);
      expect(steps.indexOf(before)).toBeLessThanOrEqual(steps.indexOf(caught.step));
    },
  );
});
