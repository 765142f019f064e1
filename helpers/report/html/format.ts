import { duration } from '../../progress/terminal.ts';

export { duration };

/** `2,085 B`: exact, since what two witnesses say is compared to the byte. */
export function bytes(count: number): string {
  return `${count.toLocaleString('en')} B`;
}

/** `131 MB`, for figures that are not compared. */
export function roughBytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  const value = count / 1000 ** power;
  return `${value >= 10 || power === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[power] ?? 'B'}`;
}

/** `15:47:25.644`, UTC; '' for what is no time. */
export function clock(at: string | number): string {
  return isoOf(at).slice(11, 23);
}

/** `2026-11-22 15:47:25 UTC`; the text itself where it is no time. */
export function dateTime(at: string): string {
  const iso = isoOf(at);
  return iso === '' ? at : `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

function isoOf(at: string | number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/** `configure-traffic-to-external-https-proxy` as a heading. */
export function sectionTitle(slug: string): string {
  const words = slug.replaceAll('-', ' ').replace(/\bhttps\b/g, 'HTTPS');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** `1 step`, `3 steps`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : plural}`;
}

/** What may stand in an `id` and behind a `#`; texts that differ stay different as far as a run's ids go. */
export function anchor(...parts: readonly (string | number)[]): string {
  return parts
    .join('-')
    .replace(/[^\w.-]+/g, '-')
    .toLowerCase();
}
