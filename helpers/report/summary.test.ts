import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { failedResult, runResults, stepResult } from '../../tests/samples/results.ts';
import { summaryPage, summaryRows } from './summary.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'summary-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function run(path: string, more: object = {}): void {
  const results = {
    runId: path,
    verdict: 'conformant',
    reason: '',
    configuration: { istio: '1.29.1', k8s: '1.35.4', keep: false },
    ...more,
  };
  write(join(path, 'results.json'), JSON.stringify(results));
}

function write(path: string, text: string): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

it('tells each run by its cell or its pair, what is not conformant first', async () => {
  run('reports-1/20261124-1', { configuration: { istio: '1.30.4' } });
  run('reports-2/20261124-2');
  run('reports-3/20261124-3', {
    verdict: 'not conformant',
    cause: 'GATE_TUNNEL_CUT',
    reason: 'Upgrade: UPG-3: a tunnel was cut\nand more',
    configuration: { istio: '1.28.3', k8s: '1.34.4', edition: '2018-zh' },
    gate: { from: '1.28.3', to: '1.29.1', strategy: 'canary', rollback: true, strict: false },
  });
  expect(await summaryRows([folder])).toEqual([
    expect.objectContaining({
      what: '1.28.3 → 1.29.1 canary, rolled back, Kubernetes 1.34.4, edition 2018-zh',
      verdict: 'not conformant',
      reason: 'Upgrade: UPG-3: a tunnel was cut',
      cause: 'GATE_TUNNEL_CUT',
      path: join(folder, 'reports-3/20261124-3'),
    }),
    expect.objectContaining({ what: 'Istio 1.29.1, Kubernetes 1.35.4', verdict: 'conformant', cause: '' }),
    expect.objectContaining({ what: 'Istio 1.30.4' }),
  ]);
});

it('tells the versions that ran where none was asked for', async () => {
  const versions = { istiod: '1.30.4', kubernetes: 'v1.35.4' };
  run('one', { configuration: {}, versions, durationMs: 35_200 });
  expect(await summaryRows([folder])).toEqual([
    expect.objectContaining({ what: 'Istio 1.30.4, Kubernetes 1.35.4', time: '35.2s' }),
  ]);
});

it('tells a run once, however often it is found', async () => {
  run('one/20261124-1');
  symlinkSync('20261124-1', join(folder, 'one/latest'));
  // As an uploaded artifact has it.
  run('two/latest', { runId: 'same' });
  run('two/20261124-2', { runId: 'same' });
  const rows = await summaryRows([folder, join(folder, 'one')]);
  expect(rows.map(({ path }) => path)).toEqual([
    join(folder, 'one/20261124-1'),
    join(folder, 'two/20261124-2'),
  ]);
});

it.each([
  ['cut short', '{"runId": "2026'],
  ['of another shape', '{"verdict": 3}'],
])('does not lose the others over a results.json that is %s', async (_how, text) => {
  run('good');
  write('bad/results.json', text);
  const rows = await summaryRows([folder]);
  expect(rows.map(({ verdict }) => verdict)).toEqual(['unreadable', 'conformant']);
  expect(rows[0]?.reason).toMatch(/^results\.json cannot be read: ./);
});

it.each([
  ['nothing', []],
  ['no results', ['junit.xml']],
])('refuses folders with %s in them', async (_what, files) => {
  for (const file of files) write(file, '');
  const error: unknown = await summaryRows([folder]).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UsageError);
  expect(String(error)).toContain(`There is no results.json below ${folder}`);
});

it('refuses a folder that is not there', async () => {
  await expect(summaryRows([join(folder, 'gone')])).rejects.toThrow(/gone cannot be read/);
});

it('is a Markdown table with the counts above it', () => {
  const row = {
    what: 'Istio 1.29.1',
    verdict: 'conformant',
    time: '35.2s',
    reason: '',
    cause: '',
    path: 'reports/1',
  };
  const page = summaryPage([{ ...row, verdict: 'environment', cause: 'DISK_FULL' }, row, row]);
  expect(page).toBe(
    [
      '1 environment, 2 conformant',
      '',
      '| run | verdict | time | cause | report |',
      '| --- | --- | --- | --- | --- |',
      '| Istio 1.29.1 | environment | 35.2s | DISK\\_FULL | reports/1 |',
      '| Istio 1.29.1 | conformant | 35.2s |  | reports/1 |',
      '| Istio 1.29.1 | conformant | 35.2s |  | reports/1 |',
      '',
    ].join('\n'),
  );
});

it('keeps what programs said from being markup, a mention or another cell', () => {
  const reason = 'a | b <img src=x> [l](u) `c` *d* ~e~ &amp; @admin #1\r\nnext';
  const [, , , , line] = summaryPage([
    { what: 'x', verdict: 'environment', time: '', reason, cause: '', path: 'p' },
  ]).split('\n');
  expect(line).toBe(
    '| x | environment | a \\| b &lt;img src=x&gt; \\[l\\](u) \\`c\\` \\*d\\* \\~e\\~ &amp;amp; @\u200badmin #\u200b1 next | p |',
  );
});

const failed = failedResult('NOT_CAPTURED', { id: 'MESH-3', title: 'the sidecar’s line', durationMs: 1200 });

it('tells of a single run why it failed, what to do, and every step', async () => {
  const steps = [stepResult({ id: 'MESH-2', durationMs: 600 }), failed, { ...failed, id: 'MESH-4' }];
  run('one', { ...runResults({ steps }), runId: 'one', verdict: 'not conformant' });
  const page = summaryPage(await summaryRows([folder]));
  expect(page).toContain('**MESH-3** the sidecar’s line; the same at MESH-4\n\n- **NOT\\_CAPTURED** The pod');
  expect(page).toContain('- seen: this\n- expected: that\n- do: Remove the annotation');
  expect(page).toContain('<details><summary>Steps: 1 passed, 2 failed, 0 skipped</summary>\n\n| ');
  expect(page).toContain(
    '| ✅ | MESH-2 | the page arrives | configure-traffic-to-external-https-proxy | 600ms |',
  );
  expect(page).toContain(
    '| ❌ | MESH-3 | the sidecar’s line | configure-traffic-to-external-https-proxy | 1.2s |',
  );
});

it('tells of a gate its phases, its traffic and what is red or new', async () => {
  const counts = { opened: 40, completed: 38, refused: 2, cut: 0, lost: 0, astray: 0 };
  const change = { kind: 'config', before: 'a|b', after: '<c>', status: 'new' };
  run('gate', {
    ...runResults({ steps: [stepResult({ phase: 'before' })] }),
    gate: {
      ...{ from: '1.28.3', to: '1.29.1', strategy: 'canary', rollback: false, strict: false, mesh: [] },
      phases: [
        { id: 'before', title: 'Document on 1.28.3', durationMs: 20_000, passed: 1, failed: 0, skipped: 0 },
      ],
      traffic: {
        clients: [{ workload: 'kept', kind: 'requests', pods: 1, exchanges: 38, ...counts }],
        gaps: [{ workload: 'kept', ms: 1500, phase: 'Upgrade' }],
      },
      comparisons: [
        {
          before: 'A',
          after: 'B',
          differences: [
            { ...change, id: 'config: x', severity: 'regression' },
            { ...change, id: 'version: y', severity: 'info' },
          ],
        },
      ],
    },
  });
  const page = summaryPage(await summaryRows([folder]));
  expect(page).toContain('#### Phases\n\n| phase | took | passed | failed | skipped |');
  expect(page).toContain('| Document on 1.28.3 | 20s | 1 | 0 | 0 |');
  expect(page).toContain('| kept requests | 40 | 38 | 2 | 0 | 0 | 0 | 1.5s (Upgrade) |');
  expect(page).toContain('#### Differences: A → B');
  expect(page).toContain('| ❌ | config: x | a\\|b | &lt;c&gt; |');
  expect(page).not.toContain('version: y');
  expect(page).toContain('| ✅ | MESH-2 | the page arrives | Document on 1.28.3 | 0ms |');
});

it('tells of several runs only what failed in each', async () => {
  run('good', { ...runResults(), runId: 'good' });
  run('bad', { ...runResults({ steps: [failed] }), runId: 'bad', verdict: 'not conformant' });
  const page = summaryPage(await summaryRows([folder]));
  expect(page).toContain('### Istio 1.29.1, Kubernetes 1.35.4\n\n**MESH-3**');
  expect(page.match(/^### /gm)).toHaveLength(1);
  expect(page).not.toContain('<details>');
});
