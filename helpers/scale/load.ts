import type { Configuration } from '../configuration/configuration.ts';

/** How many trips, and how many of them at once. */
export interface Load {
  /** Pods with a sidecar. */
  readonly clients: number;
  readonly tunnels: number;
  /** How often it opens them. */
  readonly waves: number;
}

/** What the configuration asks for; undefined where that is no more than the document's one request. */
export function loadOf({ clients, tunnels, waves }: Configuration): Load | undefined {
  return clients * tunnels * waves === 1 ? undefined : { clients, tunnels, waves };
}

export function atOnce({ clients, tunnels }: Load): number {
  return clients * tunnels;
}

export function tripsIn(load: Load): number {
  return atOnce(load) * load.waves;
}

/**
 * How long each tunnel is held open, in s. All of a wave must be open before the first of them closes; on two busy cores
 * a hundred take three seconds to open.
 */
export function holdSeconds(load: Load): number {
  return 5 + Math.ceil(atOnce(load) * 0.03);
}

/** How many of the spans there were at once, at most. One that begins when another ends is not at once with it. */
export function mostAtOnce(spans: readonly { readonly from: number; readonly to: number }[]): number {
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
