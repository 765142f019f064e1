import { expect, test } from 'vitest';
import { runFaults } from '../../faults/environment.ts';
import { causes } from '../../helpers/causes/causes.ts';

const said = {
  REGISTRY_LIMIT: /could not be pulled: .*toomanyrequests/,
  DISK_FULL: /Too little space for .*small-disk.* has 0\.0 GB free/,
} as const;

for (const { id, title, expect: expected, impossible, run } of runFaults) {
  test(`${id}: ${title}`, async ({ skip }) => {
    const why = await impossible();
    if (why !== undefined) skip(why);
    await using ended = await run();
    const { cause } = expected;
    const first = `${cause}: ${causes[cause].title}`;
    expect(ended.exitCode).toBe(3);
    expect(ended.stdout).toContain(`\n${first}\n`);
    expect(ended.stdout).toMatch(Object.entries(said).find(([code]) => code === cause)?.[1] ?? /^$/);
    expect(ended.stdout).toContain('Verdict: environment (0 passed, 0 failed, 0 skipped, ');
    // Nobody foresaw what comes with a stack.
    expect(`${ended.stdout}${ended.stderr}`).not.toMatch(/^ {4}at /m);
    expect(ended.results).toMatchObject({ verdict: 'environment', exitCode: 3, cause, steps: [] });
    // There was nothing to look at yet.
    expect(ended.results?.evidence).toBeUndefined();
    expect(ended.junit).toContain(`<error type="environment" message="${first}">`);
  });
}
