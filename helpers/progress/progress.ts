/** Tells a person what long work is doing. Implementations: terminal, plain lines, silent. */
export interface Progress {
  /**
   * Runs `work` as a named phase and reports its duration. `report` replaces the phase's detail,
   * e.g. "812 of 3600 packages" or "waiting for pod squid-…: ContainerCreating".
   */
  phase<T>(title: string, work: (report: (detail: string) => void) => Promise<T>): Promise<T>;
  /** One line that stays. */
  note(line: string): void;
}

export const silent: Progress = {
  phase: (_title, work) => work(() => undefined),
  note: () => undefined,
};

/** Runs `work`, and tells whether it failed and how many ms it took. */
export async function timed<T>(
  work: () => Promise<T>,
  ended: (failed: boolean, durationMs: number) => void,
): Promise<T> {
  const start = performance.now();
  let failed = true;
  try {
    const result = await work();
    failed = false;
    return result;
  } finally {
    ended(failed, performance.now() - start);
  }
}
