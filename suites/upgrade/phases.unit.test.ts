import { describe, expect, it, vi } from 'vitest';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import type { GatePlan } from '../../helpers/results/gate.ts';
import { deployedProxy } from '../../helpers/proxy/proxy.ts';
import { planOf } from '../../helpers/session/proxy.ts';
import type { SessionFacts } from '../../helpers/session/session.ts';
import type { ServiceEntry } from '../../helpers/istio/taker-makers.ts';
import { judgedEntries, theirEntriesOf } from '../document/judged-entries.ts';
import { theirEntriesMustBeLikeTheDocuments } from '../document/like-the-documents.ts';
import { entriesFor } from '../document/their-entry.ts';
import { recordOf } from '../pass.ts';
import { Gate } from './gate.ts';
import { phasesOf } from './phases.ts';

const kubeconfig = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'none', cluster: { server: 'https://127.0.0.1:1' } }],
  contexts: [{ name: 'none', context: { cluster: 'none', user: 'none' } }],
  users: [{ name: 'none', user: {} }],
  'current-context': 'none',
});
const session = {
  configuration: configurationSchema.parse({ edition: '2018-zh' }),
  proxy: deployedProxy,
  cluster: { kubeconfig, reused: false },
  destination: {},
  folder: '',
  images: { istio: '1.28.3', images: { proxyv2: { reference: 'istio/proxyv2:1.28.3' } } },
  others: [{ istio: '1.29.1', images: { proxyv2: { reference: 'istio/proxyv2:1.29.1' } } }],
} as unknown as SessionFacts;

const planned: GatePlan = {
  from: '1.28.3',
  to: '1.29.1',
  strategy: 'canary',
  rollback: false,
  strict: false,
};

function gateOf(plan: Partial<GatePlan>): Gate {
  return new Gate(session, { ...planned, ...plan });
}

describe.each([
  { strategy: 'canary', rollback: false },
  { strategy: 'in-place', rollback: false },
  { strategy: 'canary', rollback: true },
] as const)('the phases: $strategy, rollback $rollback', (plan) => {
  const phases = phasesOf(gateOf(plan));
  const ids = phases.map(({ id }) => id);

  it('have ids of their own, and steps', () => {
    expect(new Set(ids).size).toBe(ids.length);
    for (const { steps } of phases) {
      expect(steps.length).toBeGreaterThan(0);
      expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length);
    }
  });

  it('need only what comes before', () => {
    for (const [index, { needs }] of phases.entries()) {
      for (const need of needs) expect(ids.slice(0, index)).toContain(need);
    }
  });

  it('run the document with all its requests each time, and take nothing away under the live traffic', () => {
    const flowing = phases.slice(ids.indexOf('traffic') + 1, ids.indexOf('traffic-ends'));
    const passes = flowing.filter(({ id }) => id.startsWith('document-'));
    expect(passes.length).toBe(plan.rollback ? 1 : 2);
    for (const { steps } of passes) {
      const has = steps.map(({ id }) => id);
      expect(has).toEqual(
        expect.arrayContaining(['PROXY-8', 'MESH-1', 'MESH-2', 'MESH-3', 'MESH-4', 'STATE-1']),
      );
    }
    const under = flowing.flatMap(({ steps }) => steps.map(({ id }) => id));
    expect(under.filter((id) => /^(CLEAN|CONTROL-[16789])/.test(id))).toEqual([]);
  });

  it('end with the account, the request once more, the comparison and the clean-up', () => {
    expect(ids.slice(-4)).toEqual(['traffic-ends', 'document-at-the-end', 'comparison', 'clean-up']);
  });
});

describe.each([{ rollback: false }, { rollback: true }])(
  'with a client of theirs, rollback $rollback',
  (plan) => {
    const theirs = {
      ...session,
      configuration: configurationSchema.parse({ kubeconfig: 'k', client: 'shop/deployment/web' }),
      namespaces: { mesh: 'm', external: 'e', origin: 'e-origin' },
      existing: {
        istio: { version: '1.28.3', revision: undefined, namespace: 'istio-system', injection: {} },
        client: { namespace: 'shop', pod: 'web-1', container: 'app', uid: '1' },
        dress: { labels: {} },
      },
    } as unknown as SessionFacts;
    const gate = new Gate(theirs, {
      ...planned,
      ...plan,
      theirs: { command: 'upgrade', rollbackCommand: 'back' },
    });
    const phases = phasesOf(gate);
    const ids = phases.map(({ id }) => id);

    it('the document is judged from it as well, before, after and at the end', () => {
      const clients = plan.rollback
        ? ['client-before', 'client-at-the-end']
        : ['client-before', 'client-after', 'client-at-the-end'];
      expect(ids.filter((id) => id.startsWith('client-'))).toEqual(clients);
      expect(ids.indexOf('client-before')).toBeLessThan(ids.indexOf('traffic'));
      for (const { id, pass, steps } of phases) {
        const has = steps.map((step) => step.id);
        const from = has.filter((one) => ['BEFORE-2', 'CLIENT-1'].includes(one));
        if (clients.includes(id)) {
          expect(from).toEqual(['CLIENT-1']);
          expect(has).toEqual(expect.arrayContaining(['PROXY-8', 'MESH-1', 'MESH-4', 'WHY-1', 'STATE-1']));
          expect(has.filter((one) => /^(CLEAN|CONTROL)/.test(one))).toEqual([]);
          expect(gate.world(pass).clientNamespace).toBe('shop');
        } else {
          expect(from).not.toContain('CLIENT-1');
          expect(gate.world(pass).clientNamespace).toBe('m');
        }
      }
    });

    it('an upgrade is not begun where the document does not hold from it before', () => {
      expect(phases.find(({ id }) => id === 'traffic')?.needs).toContain('client-before');
      const comparison = phases.find(({ id }) => id === 'comparison');
      expect(comparison?.steps.length).toBe(plan.rollback ? 2 : 4);
    });
  },
);

it('follows the log of a proxy of theirs only while no live traffic goes through it', () => {
  const configuration = configurationSchema.parse({
    ...{ proxy: '192.0.2.1:3128', proxyLog: './access.log' },
    ...{ destination: 'https://example.com', expectTitle: 'x' },
  });
  const { proxy } = planOf(configuration);
  const phases = phasesOf(new Gate({ ...session, configuration, proxy }, planned));
  const ids = phases.map(({ id }) => id);
  const reading = /^(REACH-[24]|MESH-[45]|CONTROL-4)$/;
  const read = phases.map(({ steps }) => steps.filter(({ id }) => reading.test(id)).length);
  const [from, until] = [ids.indexOf('traffic'), ids.indexOf('traffic-ends')];
  expect(read.slice(from, until + 1).every((count) => count === 0)).toBe(true);
  expect(read[ids.indexOf('document-before')]).toBeGreaterThan(0);
  const last = phases.find(({ id }) => id === 'document-at-the-end')?.steps.map(({ id }) => id);
  expect(last?.slice(0, 2)).toEqual(['REACH-2', 'MESH-1']);
});

describe('entries of the mesh for a proxy of theirs, after an upgrade', () => {
  const configuration = configurationSchema.parse({
    ...{ kubeconfig: 'k', proxy: '192.0.2.1:3128', destination: 'https://example.com', expectTitle: 'x' },
  });
  const theirs = {
    ...session,
    configuration,
    proxy: planOf(configuration).proxy,
    namespaces: { mesh: 'm', external: 'e', origin: 'e-origin' },
    existing: {
      istio: { version: '1.28.3', revision: undefined, namespace: 'istio-system', injection: {} },
      dress: { labels: {} },
    },
  } as unknown as SessionFacts;
  const entry = (changes: object = {}): ServiceEntry => ({
    metadata: { namespace: 'company', name: 'proxy' },
    spec: {
      hosts: ['proxy.company.test'],
      addresses: ['192.0.2.1'],
      ports: [{ number: 3128, name: 'tcp', protocol: 'TCP' }],
      ...changes,
    },
  });

  /** A gate that has judged the company's entry, and whose mesh has these now. */
  const gateThatFinds = (...items: readonly ServiceEntry[]) => {
    const gate = new Gate(theirs, { ...planned, theirs: { command: 'upgrade' } });
    const before = [{ ...entry(), kind: 'ServiceEntry' }];
    const asked = { entry: 'auto', ips: ['192.0.2.1'], port: 3128, name: undefined, clientNamespace: 'm' };
    gate.world('before').theirEntries.set(entriesFor(before, asked));
    const world = gate.world('fresh proxy');
    world.proxyIps.set(['192.0.2.1']);
    world.proxyIp.set('192.0.2.1');
    world.proxyPort.set(3128);
    const list = vi.spyOn(world.kube.objects, 'list').mockResolvedValue({ items: [...items] });
    return { gate, world, list };
  };

  it('are asked for each time, once, and judged as they are then', async () => {
    const tls = entry({ ports: [{ number: 3128, name: 'tls', protocol: 'TLS' }] });
    const { gate, world, list } = gateThatFinds(tls);
    const phases = phasesOf(gate).filter(({ id }) =>
      ['document-fresh-proxy', 'document-at-the-end'].includes(id),
    );
    for (const phase of phases) {
      list.mockClear();
      const step = phase.steps.find(({ id }) => id === 'MESH-1');
      await expect(step?.run(world)).rejects.toMatchObject({
        findings: [
          {
            cause: 'SERVICE_ENTRY_PROTOCOL',
            seen: 'ServiceEntry company/proxy, protocol of port 3128: TLS; before the upgrade: TCP',
          },
        ],
      });
      expect(list).toHaveBeenCalledOnce();
    }
    expect(phases).toHaveLength(2);
  });

  it.each([
    [
      'SERVICE_ENTRY_ADDRESS',
      'proxy, addresses: ["192.0.2.9"]; before the upgrade: ["192.0.2.1"]',
      entry({ addresses: ['192.0.2.9'] }),
    ],
    [
      'SERVICE_ENTRY_DIFFERS',
      'proxy, resolution: STATIC; before the upgrade: NONE',
      entry({ resolution: 'STATIC', endpoints: [{ address: '192.0.2.9' }] }),
    ],
    [
      'SERVICE_ENTRY_PROTOCOL',
      'other, protocol of port 3128: HTTP; before the upgrade: ServiceEntry company/proxy, TCP',
      {
        ...entry({ ports: [{ number: 3128, name: 'http', protocol: 'HTTP' }] }),
        metadata: { namespace: 'company', name: 'other' },
      },
    ],
  ])('are red with %s: %s', async (cause, seen, now) => {
    const { world } = gateThatFinds(now);
    await expect(
      theirEntriesMustBeLikeTheDocuments(world, await theirEntriesOf(world)),
    ).rejects.toMatchObject({ findings: [{ cause, seen: `ServiceEntry company/${seen}` }] });
  });

  it('are not replaced by the document’s where they are gone', async () => {
    const { world } = gateThatFinds();
    expect(await theirEntriesOf(world)).toEqual([{ ip: '192.0.2.1', by: [] }]);
    expect(judgedEntries(world).map(({ claimant: { name } }) => name)).toEqual([
      'ServiceEntry company/proxy',
    ]);
  });

  it('are followed where they have another name', async () => {
    const { world } = gateThatFinds({ ...entry(), metadata: { namespace: 'company', name: 'renamed' } });
    await theirEntriesOf(world);
    expect(judgedEntries(world).map(({ claimant: { name } }) => name)).toEqual([
      'ServiceEntry company/renamed',
    ]);
  });
});

describe('a gate', () => {
  it('judges nothing after a phase that broke, and says by which step', async () => {
    const gate = gateOf({});
    const [first, second] = phasesOf(gate);
    if (first === undefined || second === undefined) throw new Error('no phases');
    const failing = {
      id: 'PRECHECK-1',
      section: 'upgrade' as const,
      title: '',
      commands: [],
      needs: [],
      run: () => Promise.reject(new Error('no')),
    };
    const record = recordOf(failing);
    await gate.take({ ...first, steps: [failing] }, failing, record);
    expect(record).toMatchObject({ status: 'failed' });
    for (const step of second.steps) {
      const next = recordOf(step);
      await gate.take(second, step, next);
      expect(next).toMatchObject({
        status: 'skipped',
        reason: 'because PRECHECK-1 (Precheck) failed',
      });
    }
    await gate[Symbol.asyncDispose]();
  });
});
