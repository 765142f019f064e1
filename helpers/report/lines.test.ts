import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { PassLines, noEvidence, StepLines } from './lines.ts';
import { failedResult, stepResult } from '../../tests/samples/results.ts';

const skipped = stepResult({ id: 'MESH-3', status: 'skipped', reason: 'because step MESH-2 failed' });

describe('the lines of a single pass', () => {
  it('are one a step below its section, with what it established, why it failed or was skipped', () => {
    const written: string[] = [];
    const lines = new StepLines((line) => written.push(line), 'reports/run-1');
    lines.step(stepResult({ section: 'before', durationMs: 1500, facts: { a: '1', b: '2' } }));
    lines.step(
      failedResult('PASSTHROUGH', { section: 'before', facts: { a: '1' }, evidence: 'evidence/MESH-2' }),
    );
    lines.step({ ...skipped, section: 'cleanup' });
    lines.passEnd();
    expect(stripVTControlCharacters(written.join('\n'))).toMatchInlineSnapshot(`
      "
        before
        ✓ MESH-2   the page arrives (1.5s) a 1, b 2
        ✗ MESH-2   the page arrives (0ms)
            PASSTHROUGH: title
            more
              evidence  reports/run-1/evidence/MESH-2/index.md

        cleanup
        - MESH-3   the page arrives (0ms) because step MESH-2 failed"
    `);
  });
});

describe('the lines of several passes', () => {
  const written = (steps: (lines: PassLines) => void): string => {
    const all: string[] = [];
    steps(new PassLines(3, (line) => all.push(line), 'reports/run-1'));
    return stripVTControlCharacters(all.join('\n'));
  };

  it('are one a pass', () => {
    const text = written((lines) => {
      for (const durationMs of [1000, 200]) lines.step(stepResult({ durationMs }));
      lines.passEnd();
      lines.step(stepResult({ durationMs: 300 }));
      lines.passEnd();
    });
    expect(text).toBe('  pass 1 of 3: 2 passed (1.2s)\n  pass 2 of 3: 1 passed (300ms)');
  });

  it('say nothing before the pass is over', () => {
    expect(
      written((lines) => {
        lines.step(failedResult('PASSTHROUGH'));
      }),
    ).toBe('');
  });

  it('have the failed steps below, the same failure in full once only', () => {
    const text = written((lines) => {
      for (const pass of [1, 2]) {
        lines.step(stepResult({ id: 'MESH-1', pass }));
        lines.step(failedResult('PASSTHROUGH', { pass }));
        lines.step({ ...skipped, pass });
        lines.passEnd();
      }
      lines.step(failedResult('BLACKHOLE', { pass: 3, facts: { [noEvidence]: 'not collected: 3' } }));
      lines.step(failedResult('PASSTHROUGH', { id: 'CONTROL-6', pass: 3 }));
      lines.passEnd();
    });
    expect(text).toMatchInlineSnapshot(`
      "  pass 1 of 3: 1 passed, 1 failed, 1 skipped (0ms)
        ✗ MESH-2   the page arrives (0ms)
            PASSTHROUGH: title
            more
        pass 2 of 3: 1 passed, 1 failed, 1 skipped (0ms)
        ✗ MESH-2   the page arrives (0ms)
            PASSTHROUGH: title (as in pass 1)
        pass 3 of 3: 2 failed (0ms)
        ✗ MESH-2   the page arrives (0ms)
            BLACKHOLE: title
            more
              evidence  not collected: 3
        ✗ CONTROL-6 the page arrives (0ms)
            PASSTHROUGH: title
            more"
    `);
  });

  it('name what kept a pass from running its steps', () => {
    const text = written((lines) => {
      lines.passEnd('Deleting Namespace external was refused\nand more');
    });
    expect(text).toBe(
      '  pass 1 of 3: no step ran\n      Deleting Namespace external was refused\n      and more',
    );
  });
});
