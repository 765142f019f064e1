import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { StepResult } from '../results/step.ts';
import { GateLines } from './lines.ts';

function step(overrides: Partial<StepResult>): StepResult {
  return {
    id: 'MESH-2',
    pass: 1,
    phase: 'document-before',
    title: 'The page arrives',
    section: 'configure-traffic-to-external-https-proxy',
    command: '',
    status: 'passed',
    reason: '',
    durationMs: 1,
    findings: [],
    facts: {},
    trips: [],
    evidence: '',
    ...overrides,
  };
}

function told(work: (lines: GateLines) => void): string {
  const written: string[] = [];
  work(new GateLines((line) => written.push(stripVTControlCharacters(line)), '/reports/x'));
  return written.join('\n');
}

describe('the lines of a gate', () => {
  it('name the phase, and count the steps of the document that passed', () => {
    const text = told((lines) => {
      lines.passBegin('Document on 1.28.3');
      lines.step(step({}));
      lines.step(step({ id: 'MESH-3' }));
      lines.passEnd();
    });
    expect(text).toMatch(/^\n {2}Document on 1\.28\.3 \(after /);
    expect(text).toMatch(/✓ steps of the document: 2 passed/);
    expect(text).not.toContain('MESH-2');
  });

  it('tell each operation, and each failure in full', () => {
    const text = told((lines) => {
      lines.passBegin('Upgrade');
      lines.step(step({ id: 'UPGRADE-2', section: 'upgrade', facts: { istiod: '1.29.1' } }));
      lines.step(step({ status: 'failed', reason: 'PASSTHROUGH: seen that' }));
      lines.step(step({ id: 'MESH-3', status: 'skipped', reason: 'because step MESH-2 failed' }));
      lines.passEnd();
    });
    expect(text).toMatch(/✓ UPGRADE-2 .*istiod 1\.29\.1/);
    expect(text).toContain('✗ MESH-2');
    expect(text).toContain('PASSTHROUGH: seen that');
    expect(text).toContain('steps of the document: 1 failed, 1 skipped');
  });

  it('say why a phase was skipped, once', () => {
    const text = told((lines) => {
      lines.passBegin('Document on 1.29.1');
      const reason = 'because UPGRADE-2 (Upgrade) failed';
      lines.step(step({ status: 'skipped', reason }));
      lines.step(step({ id: 'MESH-3', status: 'skipped', reason }));
      lines.passEnd();
    });
    expect(text.match(/because UPGRADE-2/g)).toHaveLength(1);
  });

  it('show what broke a phase outside its steps', () => {
    expect(
      told((lines) => {
        lines.passBegin('x');
        lines.passEnd('a hook broke');
      }),
    ).toContain('✗ a hook broke');
  });
});
