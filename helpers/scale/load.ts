import type { Configuration } from '../configuration/configuration.ts';

/** How many trips, and how many of them at once. */
export interface Load {
  /** Pods with a sidecar. */
  readonly clients: number;
  /** Tunnels that each of them has open at once. */
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
