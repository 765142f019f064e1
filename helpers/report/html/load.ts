import type { comparePageOf } from './compare-page.tsx';
import type { pageOf } from './page.tsx';
import type { writePage } from './write-page.ts';

/** Loads what writes the page of a run. */
export async function loadWritePage(): Promise<typeof writePage> {
  return (await readingJsx(() => import('./write-page.ts'))).writePage;
}

/** Loads what makes the page of a run. */
export async function loadPageOf(): Promise<typeof pageOf> {
  return (await readingJsx(() => import('./page.tsx'))).pageOf;
}

/** Loads what makes the page of two runs compared. */
export async function loadComparePageOf(): Promise<typeof comparePageOf> {
  return (await readingJsx(() => import('./compare-page.tsx'))).comparePageOf;
}

/**
 * Node reads the suite's TypeScript by itself, but no JSX: so tsx, which costs a second of every start, is there for these
 * files alone.
 */
async function readingJsx<T>(load: () => Promise<T>): Promise<T> {
  const { register } = await import('tsx/esm/api');
  const unregister = register();
  try {
    return await load();
  } finally {
    await unregister();
  }
}
