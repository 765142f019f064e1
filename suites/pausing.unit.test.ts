import { expect, it } from 'vitest';
import { configurationSchema } from '../helpers/configuration/configuration.ts';
import { onPause, type Paused } from '../helpers/pause/pause.ts';
import type { Failure } from './evidence.ts';
import { pausing } from './pausing.ts';

const failure = {
  step: { id: 'MESH-2' },
  outcome: { error: new Error('it failed'), findings: [{ cause: 'BLACKHOLE' }] },
} as unknown as Failure;

it('waits after the evidence was taken, and then gives it', async () => {
  const order: string[] = [];
  const seen: Paused[] = [];
  using _listening = onPause('run-p', (paused) => {
    order.push('paused');
    seen.push(paused);
    return Promise.resolve();
  });
  const evidence = {
    of: () => {
      order.push('evidence');
      return Promise.resolve('evidence/MESH-2');
    },
  };
  const configuration = configurationSchema.parse({ pauseOnFailure: true });
  expect(await pausing({ runId: 'run-p', configuration }, evidence).of(failure)).toBe('evidence/MESH-2');
  expect(order).toEqual(['evidence', 'paused']);
  expect(seen).toEqual([
    { step: 'MESH-2', cause: 'BLACKHOLE', message: 'it failed', evidence: 'evidence/MESH-2' },
  ]);
});

it('waits for nobody where it was not asked to', () => {
  const evidence = { of: () => Promise.resolve('') };
  expect(pausing({ runId: 'run-p', configuration: configurationSchema.parse({}) }, evidence)).toBe(evidence);
});
