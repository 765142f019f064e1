import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { usedActions, workflowFiles } from '../tests/support/workflow-files.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
const own = usedActions().filter(({ name }) => name.startsWith('./'));
const foreign = usedActions().filter(({ name }) => !name.startsWith('./'));

describe('the actions that workflows use', () => {
  it('are of this repository, or pinned by a full commit with its release beside it', () => {
    expect(foreign.length).toBeGreaterThan(0);
    for (const { file, name, ref, comment } of foreign) {
      expect(`${name} ${ref}`, file).toMatch(/^[\w-]+\/[\w-]+ [0-9a-f]{40}$/);
      expect(comment, `${file}, ${name}`).toMatch(/^v\d+\.\d+\.\d+$/);
    }
    for (const { file, name } of own) {
      expect(existsSync(`${root}${name === './' ? 'action.yml' : name}`), `${file}: ${name}`).toBe(true);
    }
  });

  it('have one pin each', () => {
    const pins = new Set(foreign.map(({ name, ref, comment }) => `${name}@${ref} ${comment}`));
    expect([...pins].map((pin) => pin.split('@')[0]).sort()).toEqual(
      [...new Set(foreign.map(({ name }) => name))].sort(),
    );
  });
});

describe('what a company sets', () => {
  const page = read('docs/ci.md');

  it('is all in docs/ci.md: the repository’s variables', () => {
    const texts = [...workflowFiles.values()].join('\n');
    const used = [...texts.matchAll(/\bvars\.(\w+)/g)].map(([, name = '']) => name);
    const told = [...page.matchAll(/^\| `(CONFORMANCE_\w+)`/gm)].map(([, name = '']) => name);
    expect(told.sort()).toEqual([...new Set(used)].sort());
  });

  it.each(['action.yml', '.github/workflows/gate.yml', '.github/workflows/nightly.yml'])(
    'is all in docs/ci.md: the inputs of %s',
    (file) => {
      const { inputs, on } = parse(workflowFiles.get(file) ?? '') as {
        inputs?: object;
        on?: Partial<Record<'workflow_call' | 'workflow_dispatch', { inputs: object }>>;
      };
      const offered = [inputs, on?.workflow_call?.inputs, on?.workflow_dispatch?.inputs].flatMap((offer) =>
        Object.keys(offer ?? {}),
      );
      expect(offered.length).toBeGreaterThan(0);
      for (const input of offered) expect(page, input).toContain(`\`${input}\``);
    },
  );

  it('can be said of each runner', () => {
    for (const [file, text] of workflowFiles) {
      for (const [, label = ''] of text.matchAll(/^ *runs-on: (.*)$/gm)) {
        expect(label, file).toMatch(/vars\.CONFORMANCE_RUNNER \|\| 'ubuntu-latest'/);
      }
    }
  });
});

it('ci.yml reads the workflows with the actionlint that the tests of the workflows have', () => {
  const [version = ''] = /actionlint@v[\d.]+/.exec(read('scripts/lib/go-tools.sh')) ?? [];
  expect(version).not.toBe('');
  expect(workflowFiles.get('.github/workflows/ci.yml')).toContain(version);
});
