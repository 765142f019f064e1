import { expect, test } from 'vitest';
import { defaultEdition } from '../../fixtures/document/editions.ts';
import { runCheckout } from '../../faults/checkout.ts';

const notYaml = (): string => 'spec: [\n';

test.each([`document/${defaultEdition}/service-entry.yaml`, 'origin/origin.yaml', 'versions.yaml'])(
  'fixtures/%s that is no YAML is a usage error that names it, before anything is started',
  async (name) => {
    await using run = await runCheckout({ args: ['run'], edits: { [`fixtures/${name}`]: notYaml } });
    expect(run).toMatchObject({ exitCode: 2, stdout: '', results: undefined, junit: '' });
    expect(run.stderr).toMatch(new RegExp(`^fixtures/${name} is not valid YAML: .*`));
    expect(run.stderr).toMatch(/Correct the file\.$/);
    expect(run.stderr).not.toMatch(/^ {4}at /m);
  },
);

test('an edit that changes nothing is an error, since nothing would be broken', async () => {
  const edits = { 'fixtures/istio.yaml': (text: string) => text.replace('no such text', '') };
  await expect(runCheckout({ args: ['run'], edits })).rejects.toThrow(
    'The edit of fixtures/istio.yaml changes nothing',
  );
});
