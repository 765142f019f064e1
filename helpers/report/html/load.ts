import type * as comparePage from './compare-page.tsx';
import type * as page from './page.tsx';

/**
 * Loads what makes the page of a run, and of two runs compared. Node reads the suite's TypeScript by itself, but no JSX: so
 * tsx, which costs a second of every start, is there for these files alone.
 */
export async function loadPages(): Promise<typeof page & typeof comparePage> {
  const { register } = await import('tsx/esm/api');
  const unregister = register();
  try {
    return { ...(await import('./page.tsx')), ...(await import('./compare-page.tsx')) };
  } finally {
    await unregister();
  }
}
