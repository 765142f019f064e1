/** What `work` gives for each value, in their order; at most `atOnce` are worked on at the same time. */
export async function inTurns<T, R>(
  values: readonly T[],
  atOnce: number,
  work: (value: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(values.length);
  const entries = values.entries();
  const worker = async (): Promise<void> => {
    for (const [index, value] of entries) results[index] = await work(value);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, values.length) }, worker));
  return results;
}
