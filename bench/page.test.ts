import { describe, expect, it } from 'vitest';
import { between, plotOf, tableOf } from './page.ts';
import type { BenchResults, Sample } from './results.ts';

const page = 'before\n\n<!-- bench: made by `npm run bench` -->\n\nold\n\n<!-- /bench -->\n\nafter\n';

describe('the page', () => {
  it('has the text between the marks of its command, and is otherwise as it was', () => {
    expect(between(page, 'bench', 'new')).toBe(page.replace('old', 'new'));
  });

  it('is refused where it has no such marks, since the text would be nowhere', () => {
    expect(() => between(page, 'bench:scale', 'new')).toThrow(
      '<!-- bench:scale: made by `npm run bench:scale` -->',
    );
  });
});

const sample = (subject: Sample['subject'], durationMs: number, nodeBytes?: number): Sample => ({
  ...{ subject, mode: 'cold', round: 1, startedAt: '2026-11-25T20:00:00Z', durationMs },
  parts: [{ title: 'node', durationMs: durationMs / 2 }],
  ...{ runnerBytes: 104_000_000, nodeBytes, nodeCpuSeconds: undefined },
});
const results: BenchResults = {
  measuredAt: '2026-11-25T20:00:00Z',
  machine: { cpus: 2 },
  versions: { istio: '1.29.1' },
  rounds: 1,
  ratios: {
    cold: {
      'script-quick': { median: 0.8, min: 0.7, max: 0.9 },
      script: { median: 0.5, min: 0.4, max: 0.6 },
    },
  },
  durationMs: {
    cold: {
      'script-quick': { median: 44_000, min: 43_000, max: 45_000 },
      script: { median: 70_000, min: 60_000, max: 80_000 },
      suite: { median: 35_000, min: 30_000, max: 40_000 },
    },
  },
  earlier: [
    {
      measuredAt: '2026-11-24T20:00:00Z',
      rounds: 2,
      ratios: { cold: { script: { median: 0.66, min: 0.6, max: 0.7 } } },
    },
  ],
  samples: [sample('script', 70_000), sample('suite', 35_000, 800_000_000)],
};

describe('the table', () => {
  const table = tableOf(results);

  it('has medians, spread and ratio of each kind of run, and only of those that were measured', () => {
    expect(table).toContain(
      '| cold | 44.0 s (43.0 s–45.0 s) | 70.0 s (60.0 s–80.0 s) | 35.0 s (30.0 s–40.0 s) | **0.80** (0.70–0.90) | **0.50** (0.40–0.60) |',
    );
    expect(table).not.toContain('| warm |');
  });

  it('shows a figure that could not be read as not known', () => {
    expect(table).toContain('| cold | script | 104 MB | not known | not known |');
    expect(table).toContain('| cold | suite | 104 MB | 800 MB |');
  });

  it('names the ratios of earlier measurements', () => {
    expect(table).toContain('2026-11-24 20:00 (2 rounds): cold 0.66 of script.');
  });
});

it('draws a bar for each kind of run, cut into its parts', () => {
  const plot = plotOf(results);
  expect(plot.match(/<rect x/g)).toHaveLength(2);
  expect(plot).toContain('cold, suite');
  expect(plot).not.toContain('warm');
});
