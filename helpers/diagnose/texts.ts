import { stringify } from 'yaml';
import type { ApiObject } from './source.ts';

export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Objects as YAML documents, without the book-keeping of who manages which field. */
export function manifests(objects: readonly ApiObject[]): string {
  if (objects.length === 0) return '# none\n';
  return objects
    .map((object) => `---\n${stringify(withoutManagedFields(object), { lineWidth: 0 })}`)
    .join('');
}

function withoutManagedFields(object: ApiObject): ApiObject {
  const { metadata } = object;
  if (typeof metadata !== 'object' || metadata === null) return object;
  return { ...object, metadata: { ...metadata, managedFields: undefined } };
}

/** How much of a log is kept: its newest lines. */
export const logLimits = { lines: 5_000, bytes: 5 * 1024 * 1024 } as const;

/**
 * The end of a log, and a note when something was cut off. To know of a cut by lines, ask for one more than
 * `limits.lines`.
 */
export function endOf(
  log: string,
  limits = logLimits as { lines: number; bytes: number },
): { text: string; note?: string } {
  const lines = log.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) return { text: '', note: 'empty' };
  const kept = lines.slice(-limits.lines);
  const text = Buffer.from(`${kept.join('\n')}\n`);
  if (text.length > limits.bytes) {
    const end = text.subarray(text.length - limits.bytes).toString('utf8');
    // The first line is half a line now; a log that is one long line stays as it is.
    const start = end.indexOf('\n') + 1;
    const whole = start === end.length ? end : end.slice(start);
    return { text: whole, note: `only the last ${Math.round(limits.bytes / 1024 / 1024)} MB` };
  }
  if (kept.length === lines.length) return { text: text.toString('utf8') };
  return { text: text.toString('utf8'), note: `only the last ${limits.lines.toLocaleString('en')} lines` };
}
