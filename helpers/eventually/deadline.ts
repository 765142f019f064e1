/** What `orLate` gives when the work did not end in time. */
export const late = Symbol('late');

/**
 * What `work` comes to, or `late` when it takes longer than `timeoutMs`. The work then goes on, and its result is
 * dropped: for work that cannot be stopped from here.
 */
export async function orLate<T>(work: Promise<T>, timeoutMs: number): Promise<T | typeof late> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<typeof late>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, late);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
