import { describe, expect, it } from 'vitest';
import { ConformanceError, type Finding } from '../trip/finding.ts';
import { accountOf } from './account-of.ts';
import type { TrafficAccount, TrafficEvent } from './account.ts';
import { accountFacts, findingsOf, withAccepted } from './findings.ts';
import { soundPods, trafficOf } from '../../tests/samples/traffic.ts';

const sound = accountOf(trafficOf(soundPods()));

function event(changes: Partial<TrafficEvent>): TrafficEvent {
  return {
    ...{ what: 'cut', workload: 'restarted', kind: 'tunnels', pod: 'restarted-abc', count: 1 },
    ...{ at: '2026-11-24T05:00:21.000Z', until: '2026-11-24T05:00:21.000Z', phase: 'upgrade' },
    ...{ restarted: true, why: 'curl 56: reset' },
    ...changes,
  };
}

function of(...events: TrafficEvent[]): TrafficAccount {
  return { ...sound, events };
}

describe('findingsOf', () => {
  it('is empty when all is well', () => {
    expect(findingsOf(sound)).toEqual([]);
  });

  it('puts what was cut first, then what was refused, then what was lost', () => {
    const all = of(event({ what: 'astray' }), event({ what: 'lost' }), event({ what: 'refused' }), event({}));
    expect(findingsOf(all).map(({ cause }) => cause)).toEqual([
      'TRAFFIC_CUT',
      'TRAFFIC_REFUSED',
      'TRAFFIC_LOST',
    ]);
  });

  it('leaves out cuts of the kept pod in an accepted interval, and no others', () => {
    const at = Date.parse('2026-11-24T05:00:21.000Z');
    const accepted = [{ from: at - 1000, until: at + 1000, reason: 'reviewed' }];
    const kept = event({ workload: 'kept', pod: 'kept-abc', restarted: false });
    const later = { at: '2026-11-24T05:00:30.000Z', until: '2026-11-24T05:00:30.000Z' };
    const judged = (one: TrafficEvent): Finding[] => findingsOf(withAccepted(of(one), accepted));
    expect(judged(kept)).toEqual([]);
    expect(withAccepted(of(kept), accepted).events[0]?.accepted).toBe('reviewed');
    for (const other of [event({}), { ...kept, ...later }, { ...kept, what: 'refused' as const }]) {
      expect(judged(other)).toHaveLength(1);
    }
  });

  it('says how many, and of the first the moment, phase, pod and what was seen', () => {
    const [finding] = findingsOf(of(event({ count: 2 }), event({ at: '2026-11-24T05:00:30.000Z' })));
    expect(finding?.seen).toMatch(
      /^3 of 84 trips were cut; first cut: restarted-abc tunnels when told to end/,
    );
    expect(finding?.seen).toContain('05:00:21.000 ×2');
    expect(finding?.seen).toContain('(upgrade): curl 56: reset');
  });

  it('prefers a pod that was not told to end', () => {
    const later = event({ pod: 'kept-abc', workload: 'kept', restarted: false });
    expect(findingsOf(of(event({}), later))[0]?.seen).toContain(
      'on a pod that was not told to end cut: kept-abc',
    );
  });

  it('counts what went by another cluster with what was lost', () => {
    const [finding] = findingsOf(
      of(event({ what: 'lost', where: 'sidecar' }), event({ what: 'astray', count: 4 })),
    );
    expect(finding?.seen).toMatch(
      /^5 of 84 trips were lost, or went another way; first lost \(sidecar silent\)/,
    );
  });

  it('does not let a log pass that was not read', () => {
    expect(findingsOf({ ...sound, unread: ['log of x: ended'] })).toMatchObject([
      { cause: 'TRAFFIC_LOST', seen: 'not read whole: log of x: ended' },
    ]);
  });

  it('does not let a client pass that sent nothing', () => {
    const clients = sound.clients.map((client) =>
      client.workload === 'kept' && client.kind === 'tunnels' ? { ...client, opened: 0 } : client,
    );
    expect(findingsOf({ ...sound, clients })).toMatchObject([
      { cause: 'TRAFFIC_LOST', seen: 'no trip at all: tunnels of kept' },
    ]);
    expect(findingsOf({ ...sound, clients: [] })).toMatchObject([{ cause: 'TRAFFIC_LOST' }]);
  });

  it('does not let sums pass that disagree', () => {
    expect(findingsOf({ ...sound, sums: { ...sound.sums, proxy: 83 } })).toMatchObject([
      { cause: 'TRAFFIC_LOST', seen: 'clients 84, sidecars 84, Squid 83' },
    ]);
    expect(findingsOf({ ...sound, sums: { ...sound.sums, proxy: 83, endedAtSidecar: 1 } })).toEqual([]);
  });

  it('gives findings that a step can fail with', () => {
    expect(new ConformanceError(findingsOf(of(event({})))).message).toContain('TRAFFIC_CUT');
  });
});

describe('accountFacts', () => {
  it('says the account in a few words', () => {
    expect(accountFacts(sound)).toEqual({
      trips: '84 opened, 84 completed, 0 refused, 0 cut, 0 lost or another way',
      'exchanges in tunnels': '784',
      'refused at start': 'none',
      connections: 'clients 84, sidecars 84, Squid 84',
      'longest gap': '0.3 s, kept, in before',
    });
  });

  it('says when there was no good request', () => {
    expect(accountFacts({ ...sound, gaps: [] })['longest gap']).toBe('no request ever had its page');
  });
});
