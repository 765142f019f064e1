/**
 * Loads what makes the page of a run, and of two runs compared. Node reads the suite's TypeScript by itself, but no JSX: so
 * tsx, which costs a second of every start, is there for these files alone.
 */
export async function loadPages(): Promise<
  typeof import('./page.tsx') & typeof import('./compare-page.tsx')
> {
  const { register } = await import('tsx/esm/api');
  const unregister = register();
  try {
    return { ...(await import('./page.tsx')), ...(await import('./compare-page.tsx')) };
  } finally {
    await unregister();
  }
}
