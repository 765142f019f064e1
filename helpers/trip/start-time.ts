import { literally } from './envoy.ts';

/**
 * Envoy's `%START_TIME(FORMAT)%`: strftime with `%s`, `%f`, `%1f` to `%9f` besides, in UTC. Envoy formats with
 * absl::FormatTime (source/common/common/utility.cc, DateFormatter), hence `%E3S` and the like.
 */
export interface StartTime {
  /** As a part of a regular expression without groups that capture. */
  readonly pattern: string;
  /** ms since the epoch; undefined where the text is none of this format. */
  readonly parse: (text: string) => number | undefined;
  /** By how much a time read may be off, in ms: 1000 where the format has no fraction of the second. */
  readonly precisionMs: number;
}

/** What a directive says of a time. */
type Part =
  | ('year' | 'yearOfCentury' | 'month' | 'monthName' | 'day' | 'ignored')
  | ('hour' | 'hourOfHalf' | 'half' | 'minute' | 'second' | 'fraction' | 'epoch' | 'offset');

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Each directive's text as a regular expression, and the part of the time that it is. */
const directives: Readonly<Record<string, readonly [pattern: string, part: Part]>> = {
  Y: [String.raw`\d{4}`, 'year'],
  y: [String.raw`\d\d`, 'yearOfCentury'],
  m: [String.raw`\d\d`, 'month'],
  b: [monthNames.join('|'), 'monthName'],
  h: [monthNames.join('|'), 'monthName'],
  B: ['January|February|March|April|May|June|July|August|September|October|November|December', 'monthName'],
  d: [String.raw`\d\d`, 'day'],
  e: [String.raw`[ \d]\d`, 'day'],
  a: ['Sun|Mon|Tue|Wed|Thu|Fri|Sat', 'ignored'],
  A: ['Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday', 'ignored'],
  H: [String.raw`\d\d`, 'hour'],
  I: [String.raw`\d\d`, 'hourOfHalf'],
  p: ['AM|PM', 'half'],
  M: [String.raw`\d\d`, 'minute'],
  S: [String.raw`\d\d`, 'second'],
  f: [String.raw`\d{9}`, 'fraction'],
  s: [String.raw`\d{1,12}`, 'epoch'],
  z: [String.raw`[+-]\d\d\d\d`, 'offset'],
  Ez: [String.raw`[+-]\d\d:\d\d`, 'offset'],
  Z: ['[A-Z]{3,4}', 'ignored'],
};

/** What stands for several. */
const composed: Readonly<Record<string, string>> = {
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  R: '%H:%M',
  D: '%m/%d/%y',
};

/** Envoy's own format where none is given. */
const byDefault = '%Y-%m-%dT%H:%M:%S.%3fZ';

/**
 * Compiles a format.
 * @returns why not, where it cannot be read back to a time of day on a date
 */
export function compileStartTime(format: string | undefined): StartTime | string {
  const given = format === undefined || format === '' ? byDefault : format;
  const spread = given.replaceAll(/%([FTRD])/g, (_all, letter: string) => composed[letter] ?? '');
  // absl's seconds with a fraction: %E3S is 05.123.
  const text = spread.replaceAll(/%E(\d)S/g, '%S.%$1f').replaceAll(/%E(\d)f/g, '%$1f');
  const patterns: string[] = [];
  const parts: Part[] = [];
  for (const [piece, directive] of text.matchAll(/%(Ez|\df|[A-Za-z%])|[^%]+|%/g)) {
    if (directive === undefined || directive === '%') {
      patterns.push(literally(directive ?? piece));
      continue;
    }
    const digits = /^(\d)f$/.exec(directive)?.[1];
    const found = digits === undefined ? directives[directive] : ([`\\d{${digits}}`, 'fraction'] as const);
    if (found === undefined) return `the start time's ${piece} is not known`;
    patterns.push(`(${found[0]})`);
    parts.push(found[1]);
  }
  const has = (...names: Part[]): boolean => names.some((one) => parts.includes(one));
  const dated = has('year', 'yearOfCentury') && has('month', 'monthName') && has('day');
  const timed = (has('hour') || (has('hourOfHalf') && has('half'))) && has('minute') && has('second');
  if (!has('epoch') && !(dated && timed)) return `the start time ${given} has no date and time to the second`;
  const whole = new RegExp(`^${patterns.join('')}$`);
  return {
    pattern: patterns.map((pattern) => pattern.replace(/^\(/, '(?:')).join(''),
    precisionMs: has('fraction') ? 1 : 1000,
    parse(line) {
      const match = whole.exec(line);
      if (match === null) return undefined;
      return timeOf(new Map(parts.map((part, index) => [part, match[index + 1] ?? ''])));
    },
  };
}

function timeOf(texts: ReadonlyMap<Part, string>): number | undefined {
  const number = (part: Part): number | undefined => (texts.has(part) ? Number(texts.get(part)) : undefined);
  const ms = Math.floor(Number(`0.${texts.get('fraction') ?? 0}`) * 1000 + 1e-6);
  const epoch = number('epoch');
  if (epoch !== undefined) return epoch * 1000 + ms;
  const name = texts.get('monthName')?.slice(0, 3);
  const month = name === undefined ? (number('month') ?? 1) - 1 : monthNames.indexOf(name);
  const year = number('year') ?? 2000 + (number('yearOfCentury') ?? 0);
  const day = number('day') ?? 1;
  const ofHalf = ((number('hourOfHalf') ?? 0) % 12) + (texts.get('half') === 'PM' ? 12 : 0);
  const hour = number('hour') ?? ofHalf;
  const time = Date.UTC(year, month, day, hour, number('minute') ?? 0, number('second') ?? 0, ms);
  const date = new Date(time);
  // February 30th and the like would be another day.
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined;
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(texts.get('offset') ?? '+0000') ?? [];
  return time - (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
