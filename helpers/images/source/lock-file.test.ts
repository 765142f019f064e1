import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { knownLocks, versionsFile } from '../versions.ts';
import { lockNamed, lockText, products, withKubernetes, withSubstitutes } from './lock-file.ts';

describe('the lock files', () => {
  it.each(knownLocks(versionsFile()))('%s pins what fixtures/versions.yaml says', async (name) => {
    const { content, kubernetes } = lockNamed(name);
    const lock = await readFile(new URL(`../../../images/go/lines/${name}.mod`, import.meta.url), 'utf8');
    const asked = Object.entries(content.require).filter(([module]) => module in products);
    if (kubernetes !== undefined) asked.push(['k8s.io/kubernetes', `v${kubernetes}`]);
    for (const [module, version] of asked) expect(lock).toContain(`\t${module} ${version}\n`);
  });

  it('says which there are when nothing names one', () => {
    expect(() => lockNamed('k8s-1.20')).toThrow(
      /Nothing in fixtures\/versions.yaml is built with .*k8s-1.20/,
    );
  });

  it('takes the libraries of Kubernetes at its own version', () => {
    const content = { require: { 'a.b/c': 'v1.0.0' }, replace: { 'd.e/f': 'v0.1.0' } };
    const whole = withKubernetes(content, '1.34.4', ['k8s.io/api', 'k8s.io/kubectl']);
    const text = lockText(whole, '// Ours.\nmodule conformance.test/images\n\ngo 1.26.0\n');
    expect(text).toMatch(/^module conformance\.test\/images\n\ngo 1\.26\.0\n\nrequire \(\n/);
    expect(text).toContain('\tk8s.io/kubernetes v1.34.4\n');
    expect(text).toContain(
      '\tk8s.io/api => k8s.io/api v0.34.4\n\tk8s.io/kubectl => k8s.io/kubectl v0.34.4\n',
    );
    expect(text).toContain('\ta.b/c v1.0.0\n');
    expect(text).toContain('\td.e/f => d.e/f v0.1.0\n');
  });

  it('asks for a newer substitute, and replaces by an older one', () => {
    const content = { require: { 'a.b/c': 'v1.0.0' }, replace: {} };
    const changed = withSubstitutes(content, [
      { module: 'a.b/newer', wanted: 'v1.1.1-0.20260101000000-000000000000', version: 'v1.2.0' },
      { module: 'a.b/older', wanted: 'v1.1.0', version: 'v1.0.0' },
    ]);
    expect(changed.require).toEqual({ 'a.b/c': 'v1.0.0', 'a.b/newer': 'v1.2.0' });
    expect(changed.replace).toEqual({ 'a.b/older': 'v1.0.0' });
  });
});
