import { expect, test } from 'vitest';
import { job, told, variables } from './pages.ts';
import { Runner } from './runner.ts';

const action = 'example/istio-external-proxy-conformance@0123456789abcdef0123456789abcdef01234567';

/** As docs/ci.md shows it to other repositories. */
const workflow = `
on: workflow_dispatch
jobs:
  upgrade:
    name: Our upgrade
    runs-on: company-runner
    steps:
      - uses: ${action}
        id: gate
        with:
          from: 1.28.3
          to: 1.29.1
          strategy: in-place
          images: source
          arguments: |
            --traffic-rate=5
      - run: echo "it is \${{ steps.gate.outputs.verdict }}, see \${{ steps.gate.outputs.report }}"
`;

test('the gate as an action of another repository: green, with verdict, report and summary', async () => {
  await using runner = await Runner.start();
  const run = await runner.run({
    repository: await runner.repository({ '.github/workflows/upgrade.yml': workflow }),
    name: 'example/shop',
    workflow: 'upgrade.yml',
    event: 'workflow_dispatch',
    actions: { [action]: await runner.suite() },
    variables,
  });
  await told('action', run);
  expect(run.exitCode).toBe(0);
  const { log, summary } = job(run, 'Our upgrade');
  expect(log).toMatch(/^it is conformant, see \/\S+\/reports\/\d{8}-\S+$/m);
  expect(summary).toMatch(/^1 conformant\n/);
});
