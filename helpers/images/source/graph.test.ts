import { describe, expect, it } from 'vitest';
import { execute, plan, type Step } from './graph.ts';

/** A world in which things exist once they are made. */
class World {
  readonly made: string[] = [];
  readonly existing = new Set<string>();

  step(name: string, needs: readonly Step[] = [], version = '1'): Step {
    return {
      name,
      needs,
      bytes: 1,
      inputs: { parameters: { version }, files: {} },
      output: (key) => `${name}:${key}`,
      exists: (output) => Promise.resolve(this.existing.has(output)),
      make: ({ output }) => {
        this.made.push(name);
        this.existing.add(output);
        return Promise.resolve();
      },
    };
  }

  async build(targets: readonly Step[], rebuild = false): Promise<string[]> {
    this.made.length = 0;
    await execute(await plan(targets, { rebuild }), (step, basics) =>
      step.make({ ...basics, rebuild, report: () => undefined, log: () => undefined }),
    );
    return [...this.made];
  }
}

describe('graph', () => {
  it('makes what is needed first, and each step once', async () => {
    const world = new World();
    const base = world.step('base');
    const slim = world.step('slim', [base]);
    const made = await world.build([world.step('curl', [base, slim]), world.step('squid', [base, slim])]);
    expect(made.slice(0, 2)).toEqual(['base', 'slim']);
    expect(made.slice(2).sort()).toEqual(['curl', 'squid']);
  });

  it('makes nothing when nothing changed', async () => {
    const world = new World();
    const target = world.step('curl', [world.step('base')]);
    await world.build([target]);
    expect(await world.build([target])).toEqual([]);
  });

  it('makes again what a change reaches, and nothing else', async () => {
    const world = new World();
    const base = world.step('base');
    const [go, newer] = [world.step('go'), world.step('go', [], '2')];
    const curl = world.step('curl', [base]);
    await world.build([curl, world.step('pilot', [base, go])]);
    expect(await world.build([curl, world.step('pilot', [base, newer])])).toEqual(['go', 'pilot']);
  });

  it('does not miss what an existing result was made from', async () => {
    const world = new World();
    const base = world.step('base');
    const target = world.step('curl', [base]);
    const first = await plan([target]);
    world.existing.add(first.outputs.get(target) ?? '');
    expect(await world.build([target])).toEqual([]);
  });

  it('makes everything anew on demand', async () => {
    const world = new World();
    const target = world.step('curl', [world.step('base')]);
    await world.build([target]);
    expect(await world.build([target], true)).toEqual(['base', 'curl']);
  });

  it('runs independent steps at the same time', async () => {
    const world = new World();
    let running = 0;
    let most = 0;
    await execute(await plan([world.step('go'), world.step('base'), world.step('envoy')]), async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
    });
    expect(most).toBe(3);
  });

  it('throws the first error, stops the others and does not start what needs the failed step', async () => {
    const world = new World();
    const go = world.step('go');
    const slow = world.step('slow');
    const started: string[] = [];
    const work = execute(await plan([world.step('pilot', [go]), slow]), async (step, { signal }) => {
      started.push(step.name);
      if (step === go) throw new Error('does not compile');
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('stopped'));
        });
      });
    });
    await expect(work).rejects.toThrow('does not compile');
    expect(started.sort()).toEqual(['go', 'slow']);
  });
});
