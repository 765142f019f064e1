import { redact } from '../redact/redact.ts';

/**
 * A copy of plain data in which private keys, tokens and credentials are cut out of every text. What a program printed
 * gets into a report in many ways; this is the one they all have to pass.
 */
export function redacted<T>(data: T): T {
  return walk(data) as T;
}

function walk(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(walk);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, walk(part)]));
}
