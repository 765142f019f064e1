import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { comparisonLines, comparisonPage, type ComparedGate } from './comparison-page.ts';
import { compare } from './differences.ts';
import type { ExpectedChange } from './expected-changes.ts';
import type { Comparison, Observation } from '../results/gate.ts';
import { format, observed, step } from '../../tests/samples/gate.ts';

const pair = { from: '1.28.3', to: '1.29.1' };
const unseen: ExpectedChange = {
  from: '1.28',
  to: '1.29',
  kind: 'config',
  id: 'config: cluster /type',
  reason: 'r',
  source: 's',
  reviewed: '2026-11-24',
};
const before = observed({ steps: [step(), step({ id: 'MESH-3', status: 'failed' })] });
const after = observed(
  {
    phase: 'Document on 1.29.1',
    versions: { ...before.versions, istiod: '1.29.1' },
    steps: [step({ status: 'failed', reason: 'NO_SIDECAR_LINE', durationMs: 1500 }), step({ id: 'MESH-3' })],
  },
  {
    format: format
      .replace(' "%UPSTREAM_HOST%"', '')
      .replace('%ROUTE_NAME%', '%ROUTE_NAME% %FILTER_CHAIN_NAME%'),
    unknownTraffic: 'BlackHoleCluster',
  },
);

function compared(
  one: Observation,
  other: Observation,
  expected: readonly ExpectedChange[] = [],
): Comparison {
  return { before: one.phase, after: other.phase, ...compare(one, other, expected, pair) };
}

function linesOf(comparison: Comparison, strict = false): string[] {
  return comparisonLines([comparison], { strict }).map(stripVTControlCharacters);
}

describe('comparisonLines', () => {
  it('is one line for phases that are alike', () => {
    const again = observed({ phase: 'Document on 1.28.3 again' });
    expect(linesOf(compared(observed(), again))).toEqual([
      '  Document on 1.28.3 → Document on 1.28.3 again: no differences',
    ]);
  });

  it('says how many there are, and each that is red or new', () => {
    const lines = linesOf(compared(before, after, [unseen]));
    expect(lines).toEqual([
      '  Document on 1.28.3 → Document on 1.29.1: differences: 1 red, 3 new, 1 expected, 6 places of log fields in consequence, 1 better',
      '    ✗ step: MESH-2: passed → failed (NO_SIDECAR_LINE)',
      '    ! log: -%UPSTREAM_HOST% at 18: field 18 (7 from the end) → absent',
      '    ! log: +%FILTER_CHAIN_NAME% at 24: absent → field 24 (1 from the end)',
      '    ! config: outbound /filter_chains/virtualOutbound-catchall-tcp/filters/envoy.filters.network.tcp_proxy/cluster: "PassthroughCluster" → "BlackHoleCluster"',
      '    ! In fixtures/expected-changes.yaml, but not seen: config: cluster /type',
    ]);
  });

  it('marks what --strict makes red', () => {
    const lines = linesOf(compared(before, after), true);
    expect(lines.filter((line) => line.startsWith('    ✗'))).toHaveLength(4);
  });

  it('cuts a whole listener short', () => {
    const gone = { ...after, config: { ...after.config, listener: null } };
    const line = linesOf(compared(before, gone)).find((one) => one.includes('config: listener:'));
    expect(line?.length).toBeLessThan(250);
  });
});

function gateOf(comparison?: Comparison, strict = false): ComparedGate {
  return {
    ...pair,
    strategy: 'canary',
    rollback: false,
    strict,
    phases: [
      {
        id: 'precheck',
        title: 'Precheck',
        startedAt: '2026-11-24T04:53:40Z',
        durationMs: 2400,
        passed: 1,
        failed: 0,
        skipped: 0,
      },
    ],
    comparisons: comparison === undefined ? [] : [comparison],
  };
}

describe('comparisonPage', () => {
  const page = (strict = false, expected: readonly ExpectedChange[] = []): string =>
    comparisonPage(gateOf({ ...compared(before, after, expected), observed: { before, after } }, strict));

  it('shows the phases side by side', () => {
    const text = page();
    for (const row of [
      '## Document on 1.28.3 → Document on 1.29.1',
      '| MESH-2 | The page arrives through the proxy | passed (757ms) | failed (1.5s) | **red**: NO_SIDECAR_LINE |',
      '| MESH-3 | The page arrives through the proxy | failed (757ms) | passed (757ms) | better |',
      '| `%BYTES_SENT%` | 11 (14 from the end) | `%BYTES_SENT%` | 11 (14 from the end) | `%BYTES_SENT%` | same |',
      '| `%UPSTREAM_HOST%` | 18 (7 from the end) | `"%UPSTREAM_HOST%"` | - | - | **new** |',
      '| `%FILTER_CHAIN_NAME%` | - | - | 24 (1 from the end) | `%FILTER_CHAIN_NAME%` | **new** |',
      '| `%UPSTREAM_CLUSTER_RAW%` | 19 (6 from the end) | `%UPSTREAM_CLUSTER_RAW%` | 18 (7 from the end) | `%UPSTREAM_CLUSTER_RAW%` | expected: counts otherwise because of fields that came, went or moved |',
      '| `"PassthroughCluster"` | `"BlackHoleCluster"` | **new** |',
      '| version of istiod | 1.28.3 | 1.29.1 | expected: the upgrade changes it |',
      '| version of envoy | 1.36.4 | 1.36.4 | same |',
    ]) {
      expect(text).toContain(row);
    }
    expect(text).not.toContain('not seen');
  });

  it('says which upgrade it was, with the times of its phases, also when nothing was compared', () => {
    for (const text of [page(true), comparisonPage(gateOf(undefined, true))]) {
      expect(text).toMatch(/^# Comparison: Istio 1\.28\.3 → 1\.29\.1, canary, strict\n/);
      expect(text).toContain('| Precheck | 2.4s | 1 | 0 | 0 |');
    }
    expect(comparisonPage(gateOf())).toContain('ended before anything was compared');
    expect(page()).not.toContain('ended before');
  });

  it('shows what is red with --strict, and entries of the list that nothing matched', () => {
    const text = page(true, [unseen]);
    expect(text).toContain('| `"PassthroughCluster"` | `"BlackHoleCluster"` | **red** |');
    expect(text).toContain(
      '### In fixtures/expected-changes.yaml, but not seen\n\n- `config: cluster /type`',
    );
  });

  it('has tables that Markdown reads as such', () => {
    const tables = page()
      .split('\n\n')
      .filter((part) => part.startsWith('|'));
    expect(tables).toHaveLength(5);
    for (const table of tables) {
      const widths = table.split('\n').map((row) => row.replaceAll(String.raw`\|`, '').split('|').length);
      expect(new Set(widths).size).toBe(1);
    }
  });

  it('shows the differences alone where the phases are not known', () => {
    const text = comparisonPage(gateOf(compared(before, after)));
    expect(text).toContain('| `step: MESH-2` | `passed` | `failed` | **red**: NO_SIDECAR_LINE |');
    expect(text).not.toContain('### Steps');
  });
});
