/** From when to when something was there, ms since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** How many of the spans there were at once, at most. One that begins when another ends is not at once with it. */
export function mostAtOnce(spans: readonly Span[]): number {
  const changes = spans.flatMap(({ from, to }) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ]);
  changes.sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of changes) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}
