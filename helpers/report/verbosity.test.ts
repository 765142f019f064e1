import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { QuietLines, StepLines, VerboseLines } from './lines.ts';
import type { StepResult } from '../results/step.ts';

const passed: StepResult = {
  id: 'MESH-1',
  pass: 1,
  title: 'The entry',
  section: 'controls',
  command: 'kubectl apply',
  status: 'passed',
  reason: '',
  durationMs: 5,
  findings: [],
  facts: {},
  trips: [],
  evidence: '',
};
const failed: StepResult = { ...passed, status: 'failed', reason: 'BLACKHOLE: gone' };

describe('how much a run prints of its steps', () => {
  it('is what failed, once, for the quiet', () => {
    const told: string[] = [];
    const lines = new QuietLines((line) => told.push(stripVTControlCharacters(line)), '/reports/run-1');
    lines.step(passed);
    lines.step(failed);
    lines.step({ ...failed, pass: 2 });
    lines.passEnd();
    expect(told.join('\n')).toMatch(/^ {2}✗ MESH-1 +The entry \(5ms\)\n +BLACKHOLE: gone$/);
  });

  it('adds the commands for --verbose', () => {
    const told: string[] = [];
    const write = (line: string): number => told.push(stripVTControlCharacters(line));
    new VerboseLines(new StepLines(write, '/reports/run-1'), write).step(passed);
    expect(told.slice(-2)).toEqual([expect.stringMatching(/✓ MESH-1/), '      kubectl apply']);
  });
});
