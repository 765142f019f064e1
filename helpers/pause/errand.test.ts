import { expect, it } from 'vitest';
import { onErrand, runErrand } from './pause.ts';

const enter = { kind: 'enter', text: 'Upgrade now' } as const;
const done = { exitCode: 0, lastLines: [], output: '', interrupted: false };

it('an errand is done by who listens, and its end comes back', async () => {
  using _listening = onErrand('errand-1', (errand) =>
    Promise.resolve({ ...done, lastLines: [errand.kind === 'enter' ? errand.text : ''] }),
  );
  expect(await runErrand('errand-1', enter)).toEqual({ ...done, lastLines: ['Upgrade now'] });
});

it('each of two gets its own end', async () => {
  using _listening = onErrand('errand-2', async (errand) => {
    const text = errand.kind === 'enter' ? errand.text : '';
    if (text === 'slow') await new Promise((resolve) => setTimeout(resolve, 20));
    return { ...done, output: text };
  });
  const ends = await Promise.all(
    ['slow', 'quick'].map((text) => runErrand('errand-2', { kind: 'enter', text })),
  );
  expect(ends.map(({ output }) => output)).toEqual(['slow', 'quick']);
});

it('an errand that cannot be done ends without an exit code, and says why', async () => {
  using _listening = onErrand('errand-3', () => Promise.reject(new Error('no terminal')));
  expect(await runErrand('errand-3', enter)).toMatchObject({
    exitCode: undefined,
    lastLines: ['no terminal'],
  });
});
