import type { writePage } from './write-page.ts';

/**
 * Loads what writes the page. Node reads the suite's TypeScript by itself, but no JSX: so tsx, which costs a second of
 * every start, is there for these files alone.
 */
export async function loadWritePage(): Promise<typeof writePage> {
  const { register } = await import('tsx/esm/api');
  const unregister = register();
  try {
    return (await import('./write-page.ts')).writePage;
  } finally {
    await unregister();
  }
}
