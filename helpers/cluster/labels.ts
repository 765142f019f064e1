import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

const prefix = 'istio-external-proxy-conformance';

/** Labels on everything a run makes in the container engine; the sweep removes by them and by nothing else. */
export const labelKeys = {
  run: `${prefix}.run`,
  owner: `${prefix}.owner`,
  kept: `${prefix}.kept`,
  network: `${prefix}.network`,
} as const;

/** The process that made something: host, process id, and the process's start, since ids come round again. */
export interface Owner {
  readonly host: string;
  readonly pid: number;
  readonly startedAt: string;
}

export function thisProcess(): Owner {
  return { host: machine(), pid: process.pid, startedAt: startOf(process.pid) ?? '' };
}

/**
 * Whether an owner still runs. One on another host cannot be asked and counts as alive, so that two machines
 * may share an engine.
 */
export function isAlive(owner: Owner): boolean {
  if (owner.host !== machine()) return true;
  const start = startOf(owner.pid);
  return start !== undefined && (start === owner.startedAt || owner.startedAt === '');
}

export function encodeOwner(owner: Owner): string {
  return [owner.host, owner.pid, owner.startedAt].join('|');
}

/** @returns undefined for a text that `encodeOwner` did not write */
export function decodeOwner(text: string): Owner | undefined {
  const [host, pid, startedAt, ...rest] = text.split('|');
  if (host === undefined || pid === undefined || startedAt === undefined || rest.length > 0) return undefined;
  return /^\d+$/.test(pid) ? { host, pid: Number(pid), startedAt } : undefined;
}

/** This machine, and on Linux this process table: containers may share a host's name but not its processes. */
function machine(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** Start of a process in clock ticks since boot (Linux), '' where that cannot be read, undefined when it is gone. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22; counted from behind the command, which may hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    try {
      process.kill(pid, 0);
      return '';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? '' : undefined;
    }
  }
}
