import { describe, expect, it } from 'vitest';
import { UsageError } from '../helpers/errors.ts';
import { pausedLines, pauseMustBePossible } from './pausing.ts';

describe('a pause', () => {
  it('needs a terminal to be ended at', () => {
    const terminal = { isTTY: true };
    pauseMustBePossible({ pauseOnFailure: true }, { stdin: terminal, stderr: terminal });
    pauseMustBePossible({ pauseOnFailure: false }, { stdin: {}, stderr: {} });
    for (const streams of [
      { stdin: {}, stderr: terminal },
      { stdin: terminal, stderr: {} },
    ]) {
      expect(() => {
        pauseMustBePossible({ pauseOnFailure: true }, streams);
      }).toThrow(UsageError);
    }
  });

  it('says what failed, where its evidence is, and how to look', () => {
    const paused = { step: 'MESH-1', cause: 'BLACKHOLE', message: 'it failed', evidence: 'evidence/MESH-1' };
    const lines = pausedLines(paused, ['export KUBECONFIG=/x'], '/reports/run-1').join('\n');
    expect(lines).toContain('Paused: MESH-1 failed (BLACKHOLE), and everything is still in place.');
    expect(lines).toContain('/reports/run-1/evidence/MESH-1/index.md');
    expect(lines).toContain(
      '\n  export KUBECONFIG=/x\nEnter goes on with the run; Ctrl-C ends it and cleans up.',
    );
  });
});
