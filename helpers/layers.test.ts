import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * `helpers` means the files directly in it.
 */
const order = [
  'helpers/causes',
  'helpers',
  'helpers/redact',
  'helpers/eventually',
  'helpers/progress',
  'helpers/pause',
  'helpers/proxies',
  'helpers/kube',
  'helpers/document',
  'helpers/images',
  'helpers/configuration',
  'helpers/proxy',
  'helpers/trip',
  'helpers/cluster',
  'helpers/istio',
  'helpers/existing',
  'helpers/destination',
  'helpers/traffic',
  'helpers/scale',
  'helpers/results',
  'helpers/diagnose',
  'helpers/given',
  'helpers/report',
  'helpers/gate',
  'helpers/events',
  'helpers/job',
  'helpers/doctor',
  'helpers/session',
  'suites',
  'faults',
  'cli',
  'tests',
  'bench',
];

const root = fileURLToPath(new URL('..', import.meta.url));
const imports = new Map(
  globSync('{bench,cli,faults,helpers,suites,tests}/**/*.{ts,tsx}', { cwd: root }).map((file) => [
    file,
    importsOf(file),
  ]),
);

/** The repository's own files that a file imports, or whose types it names. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const named = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+\.tsx?)'/g);
  return [...new Set([...named].map(([, path = '']) => relative(root, join(root, dirname(file), path))))];
}

function folderOf(file: string): string {
  const [top = '', below, deeper] = file.split('/');
  return top === 'helpers' && deeper !== undefined ? `${top}/${below ?? ''}` : top;
}

describe('layers', () => {
  it('every folder has a place in the order', () => {
    expect([...new Set([...imports.keys()].map(folderOf))].sort()).toEqual(order.toSorted());
  });

  it('no import runs up', () => {
    const up = [...imports].flatMap(([file, targets]) =>
      file.endsWith('.test.ts')
        ? []
        : targets
            .filter((target) => order.indexOf(folderOf(target)) > order.indexOf(folderOf(file)))
            .map((target) => `${file} → ${target}`),
    );
    expect(up).toEqual([]);
  });

  it('no files import each other', () => {
    expect(circles()).toEqual([]);
  });
});

/** Sets of files that reach each other by imports (Tarjan's strongly connected components). */
function circles(): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const open: string[] = [];
  const visit = (file: string): number => {
    const own = index.size;
    index.set(file, own);
    open.push(file);
    let low = own;
    for (const target of imports.get(file) ?? []) {
      if (!index.has(target)) low = Math.min(low, visit(target));
      else if (open.includes(target)) low = Math.min(low, index.get(target) ?? own);
    }
    if (low === own) {
      const circle = open.splice(open.indexOf(file));
      if (circle.length > 1) found.push(circle);
    }
    return low;
  };
  for (const file of imports.keys()) if (!index.has(file)) visit(file);
  return found;
}
