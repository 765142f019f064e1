import { describe, expect, it } from 'vitest';
import type { Ahead, Step } from './document/step.ts';
import type { World } from './document/world.ts';
import { Pass, recordOf } from './pass.ts';
import type { StepRecord } from '../helpers/results/step.ts';

const log: string[] = [];

function world(): World {
  log.length = 0;
  let facts: Record<string, string> = {};
  return {
    begin: (record: StepRecord) => {
      facts = record.facts;
    },
    note: (name: string, value: string) => {
      facts[name] = value;
    },
  } as unknown as World;
}

function step(id: string, ahead: Partial<Ahead> | undefined, more: Partial<Step> = {}): Step {
  const work = (): Promise<void> => {
    log.push(`do ${id}`);
    return Promise.resolve();
  };
  return {
    ...{ id, section: 'controls', title: '', commands: [], needs: [] },
    run: () => {
      log.push(`judge ${id}`);
      return Promise.resolve();
    },
    ...(ahead === undefined ? {} : { ahead: { work, ...ahead } }),
    ...more,
  };
}

async function take(pass: Pass, step: Step): Promise<StepRecord> {
  const record = recordOf(step);
  await pass.take(step, record);
  return record;
}

async function taken(steps: readonly Step[]): Promise<string[]> {
  const pass = new Pass(world(), steps);
  pass.begin();
  const seen: string[] = [];
  for (const each of steps) {
    const outcome = await take(pass, each);
    seen.push(`${each.id} ${outcome.status}`);
  }
  await pass.end();
  return seen;
}

const breakingLate = async (): Promise<void> => {
  await new Promise(setImmediate);
  log.push('B broke');
  throw new Error('it broke');
};
const breaking = (): Promise<void> => Promise.reject(new Error('it broke'));

describe('work that begins before its turn', () => {
  it('is done in the order of the needs, before any of it is judged, and each step is judged in its turn', async () => {
    let installed: () => void = () => undefined;
    const slow = step('A', {
      work: () =>
        new Promise((resolve) => {
          installed = () => {
            log.push('do A');
            resolve();
          };
        }),
    });
    const steps = [slow, step('B', undefined), step('C', {}, { needs: ['A'] }), step('D', {})];
    const pass = new Pass(world(), steps);
    pass.begin();
    const first = take(pass, slow);
    await new Promise(setImmediate);
    expect(log).toEqual(['do D']);
    installed();
    await first;
    await new Promise(setImmediate);
    expect(log.indexOf('do C')).toBeGreaterThan(log.indexOf('do A'));
    const rest = [];
    for (const each of steps.slice(1)) rest.push(await take(pass, each));
    expect(log.filter((line) => line.startsWith('judge'))).toEqual([
      'judge A',
      'judge B',
      'judge C',
      'judge D',
    ]);
    expect(rest[1]?.facts['begun']).toMatch(/ before its turn$/);
    expect(rest[0]?.facts).toEqual({});
  });

  it('says since when, where the set-up began it', async () => {
    const pass = new Pass(world());
    const minute = 60_000;
    const outcome = await take(pass, step('A', { since: () => Date.now() - minute }));
    expect(outcome.facts['begun']).toMatch(/^1m( 0s)? before its turn$/);
  });

  it('is done in its turn where the pass begins nothing', async () => {
    const pass = new Pass(world());
    const one = step('A', {});
    pass.begin();
    await new Promise(setImmediate);
    expect(log).toEqual([]);
    expect(await take(pass, one)).toMatchObject({ status: 'passed', facts: {} });
    expect(log).toEqual(['do A', 'judge A']);
  });

  it('fails its own step, not the one before, and what needs it is skipped and not done', async () => {
    const steps = [step('A', undefined), step('B', { work: breaking }), step('C', {}, { needs: ['B'] })];
    expect(await taken(steps)).toEqual(['A passed', 'B failed', 'C skipped']);
    expect(log).toEqual(['judge A']);
  });

  it('begins with the turn of another step, and after others whatever came of those', async () => {
    const steps = [
      step('A', undefined),
      step('B', { with: 'A', work: breakingLate }),
      step('C', { with: 'A', after: ['B'] }),
    ];
    expect(await taken(steps)).toEqual(['A passed', 'B failed', 'C passed']);
    expect(log).toEqual(['judge A', 'B broke', 'do C', 'judge C']);
  });

  it('is taken back when its step is skipped after all', async () => {
    const undo = (): Promise<void> => {
      log.push('undo C');
      return Promise.resolve();
    };
    const steps = [
      step('A', undefined),
      step('B', undefined, { run: breaking }),
      step('C', { with: 'A', undo }, { needs: ['B'] }),
    ];
    expect(await taken(steps)).toEqual(['A passed', 'B failed', 'C skipped']);
    expect(log.filter((line) => line.endsWith('C'))).toEqual(['do C', 'undo C']);
  });

  it('is over before the first step that cleans up', async () => {
    let end: () => void = () => undefined;
    const steps = [
      step('A', {}),
      step('B', { work: () => new Promise((resolve) => (end = resolve)) }, { needs: ['X'] }),
      step('C', undefined, { section: 'cleanup' }),
    ];
    const pass = new Pass(world(), steps);
    pass.begin();
    await new Promise(setImmediate);
    const cleaning = take(pass, step('C', undefined, { section: 'cleanup' }));
    await new Promise(setImmediate);
    expect(log).not.toContain('judge C');
    end();
    await cleaning;
    expect(log).toContain('judge C');
  });
});
