import { cpus, platform, release, totalmem } from 'node:os';

/** What a figure was measured on. */
export function machine(): Record<string, string | number> {
  const [cpu] = cpus();
  return {
    os: `${platform()} ${release()}`,
    cpus: cpus().length,
    cpu: cpu?.model ?? 'unknown',
    'memory (GB)': Math.round(totalmem() / 1e9),
  };
}
