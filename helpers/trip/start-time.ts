/**
 * Envoy's `%START_TIME(FORMAT)%`: strftime with `%s`, `%f`, `%1f` to `%9f` besides, in UTC. Envoy formats with
 * absl::FormatTime (source/common/common/utility.cc, DateFormatter), hence `%E3S` and the like.
 */
export interface StartTime {
  /** As a part of a regular expression without groups that capture. */
  readonly pattern: string;
  /** ms since the epoch; undefined where the text is none of this format. */
  readonly parse: (text: string) => number | undefined;
  /** What Envoy would write. */
  readonly format: (ms: number) => string;
  /** By how much a time read may be off, in ms: 1000 where the format has no fraction of the second. */
  readonly precisionMs: number;
}

/** What a text says of a time. */
interface Parts {
  year?: number;
  month?: number;
  day?: number;
  hour?: number;
  minute?: number;
  second?: number;
  ms?: number;
  epoch?: number;
  offsetMinutes?: number;
  afternoon?: boolean;
}

interface Directive {
  readonly pattern: string;
  readonly write: (date: Date) => string;
  readonly read: (parts: Parts, text: string) => void;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const longMonths = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const longDays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

const ignored = (): void => undefined;

function number(
  digits: number,
  of: (date: Date) => number,
  read: (parts: Parts, value: number) => void,
): Directive {
  return {
    pattern: String.raw`\d{${digits}}`,
    write: (date) => String(of(date)).padStart(digits, '0'),
    read: (parts, text) => {
      read(parts, Number(text));
    },
  };
}

function name(
  names: readonly string[],
  of: (date: Date) => number,
  read: (parts: Parts, index: number) => void,
): Directive {
  return {
    pattern: `(?:${names.join('|')})`,
    write: (date) => names[of(date)] ?? '',
    read: (parts, text) => {
      read(parts, names.indexOf(text));
    },
  };
}

function fraction(digits: number): Directive {
  return {
    pattern: String.raw`\d{${digits}}`,
    write: (date) => String(date.getUTCMilliseconds()).padStart(3, '0').padEnd(9, '0').slice(0, digits),
    read: (parts, text) => {
      parts.ms = Math.floor(Number(`0.${text}`) * 1000 + 1e-6);
    },
  };
}

const month = (date: Date): number => date.getUTCMonth();
const weekday = (date: Date): number => date.getUTCDay();
const setMonth = (parts: Parts, index: number): void => {
  parts.month = index + 1;
};
const offset = (separator: string): Directive => ({
  pattern: String.raw`[+-]\d\d${separator}\d\d`,
  write: () => `+00${separator}00`,
  read: (parts, text) => {
    const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(text) ?? [];
    parts.offsetMinutes = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  },
});

const directives: Readonly<Record<string, Directive>> = {
  Y: number(
    4,
    (date) => date.getUTCFullYear(),
    (parts, value) => (parts.year = value),
  ),
  y: number(
    2,
    (date) => date.getUTCFullYear() % 100,
    (parts, value) => (parts.year = 2000 + value),
  ),
  m: number(
    2,
    (date) => month(date) + 1,
    (parts, value) => (parts.month = value),
  ),
  d: number(
    2,
    (date) => date.getUTCDate(),
    (parts, value) => (parts.day = value),
  ),
  e: {
    pattern: String.raw`[ \d]\d`,
    write: (date) => String(date.getUTCDate()).padStart(2, ' '),
    read: (parts, text) => (parts.day = Number(text)),
  },
  H: number(
    2,
    (date) => date.getUTCHours(),
    (parts, value) => (parts.hour = value),
  ),
  I: number(
    2,
    (date) => date.getUTCHours() % 12 || 12,
    (parts, value) => (parts.hour = value % 12),
  ),
  M: number(
    2,
    (date) => date.getUTCMinutes(),
    (parts, value) => (parts.minute = value),
  ),
  S: number(
    2,
    (date) => date.getUTCSeconds(),
    (parts, value) => (parts.second = value),
  ),
  p: name(
    ['AM', 'PM'],
    (date) => (date.getUTCHours() < 12 ? 0 : 1),
    (parts, index) => (parts.afternoon = index === 1),
  ),
  b: name(months, month, setMonth),
  h: name(months, month, setMonth),
  B: name(longMonths, month, setMonth),
  a: name(days, weekday, ignored),
  A: name(longDays, weekday, ignored),
  z: offset(''),
  Ez: offset(':'),
  Z: { pattern: '[A-Z]{3,4}', write: () => 'UTC', read: ignored },
  s: {
    pattern: String.raw`\d{1,12}`,
    write: (date) => String(Math.floor(date.getTime() / 1000)),
    read: (parts, text) => (parts.epoch = Number(text)),
  },
  f: fraction(9),
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
  const parts: (string | Directive)[] = [];
  const used = new Set<string>();
  let unknown: string | undefined;
  for (const [piece, directive] of text.matchAll(/%(Ez|\df|[A-Za-z%])|[^%]+|%/g)) {
    if (directive === undefined || directive === '%') {
      parts.push(directive === '%' ? '%' : piece);
      continue;
    }
    const digits = /^(\d)f$/.exec(directive)?.[1];
    const found = digits === undefined ? directives[directive] : fraction(Number(digits));
    if (found === undefined) unknown ??= piece;
    else parts.push(found);
    used.add(digits === undefined ? directive : 'f');
  }
  if (unknown !== undefined) return `the start time's ${unknown} is not known`;
  const has = (...names: string[]): boolean => names.some((one) => used.has(one));
  const dated = has('Y', 'y') && has('m', 'b', 'h', 'B') && has('d', 'e');
  const timed = (has('H') || (has('I') && has('p'))) && has('M') && has('S');
  if (!has('s') && !(dated && timed)) return `the start time ${given} has no date and time to the second`;
  return compiled(parts, has('f') ? 1 : 1000);
}

function compiled(parts: readonly (string | Directive)[], precisionMs: number): StartTime {
  const pattern = (capture: boolean): string =>
    parts
      .map((part) =>
        typeof part === 'string' ? literally(part) : capture ? `(${part.pattern})` : `(?:${part.pattern})`,
      )
      .join('');
  const whole = new RegExp(`^${pattern(true)}$`);
  return {
    pattern: pattern(false),
    precisionMs,
    format: (ms) =>
      parts.map((part) => (typeof part === 'string' ? part : part.write(new Date(ms)))).join(''),
    parse(text) {
      const match = whole.exec(text);
      if (match === null) return undefined;
      const read: Parts = {};
      parts
        .filter((part) => typeof part !== 'string')
        .forEach((part, index) => {
          part.read(read, match[index + 1] ?? '');
        });
      return timeOf(read);
    },
  };
}

function timeOf({ epoch, year = 0, month: inYear = 1, day = 1, ...rest }: Parts): number | undefined {
  const { hour = 0, minute = 0, second = 0, ms = 0, offsetMinutes = 0, afternoon = false } = rest;
  if (epoch !== undefined) return epoch * 1000 + ms;
  const time = Date.UTC(year, inYear - 1, day, hour + (afternoon ? 12 : 0), minute, second, ms);
  const date = new Date(time);
  // February 30th and the like would be another day.
  if (date.getUTCMonth() !== inYear - 1 || date.getUTCDate() !== day) return undefined;
  return time - offsetMinutes * 60_000;
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}
