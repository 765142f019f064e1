import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileStartTime, type StartTime } from './envoy-values.ts';

function compiled(format: string | undefined): StartTime {
  const found = compileStartTime(format);
  if (typeof found === 'string') throw new Error(found);
  return found;
}

/** What Envoy would write. */
function written(format = '%Y-%m-%dT%H:%M:%S.%3fZ', ms: number): string {
  const date = new Date(ms);
  const [iso, utc] = [date.toISOString(), date.toUTCString()];
  const hours = date.getUTCHours();
  const fraction = iso.slice(20, 23).padEnd(9, '0');
  const values: Readonly<Record<string, string>> = {
    ...{
      Y: iso.slice(0, 4),
      y: iso.slice(2, 4),
      m: iso.slice(5, 7),
      d: iso.slice(8, 10),
      b: utc.slice(8, 11),
    },
    ...{ H: iso.slice(11, 13), M: iso.slice(14, 16), S: iso.slice(17, 19), p: hours < 12 ? 'AM' : 'PM' },
    ...{ F: iso.slice(0, 10), T: iso.slice(11, 19), R: iso.slice(11, 16), a: utc.slice(0, 3), f: fraction },
    ...{ z: '+0000', Ez: '+00:00', Z: 'UTC', s: String(Math.floor(ms / 1000)), '%': '%' },
    I: String(hours % 12 || 12).padStart(2, '0'),
    e: String(date.getUTCDate()).padStart(2),
    B: date.toLocaleString('en', { month: 'long', timeZone: 'UTC' }),
    D: `${iso.slice(5, 7)}/${iso.slice(8, 10)}/${iso.slice(2, 4)}`,
    E3S: iso.slice(17, 23),
  };
  return format.replaceAll(/%(Ez|E3S|\df|[A-Za-z%])/g, (_all, name: string) =>
    name.length === 2 && name.endsWith('f') ? fraction.slice(0, Number(name[0])) : (values[name] ?? '?'),
  );
}

test.each([
  [undefined, '2026-11-28T17:41:58.268Z'],
  // Lines of a real sidecar.
  ['%Y/%m/%d %H:%M:%S.%3f %z', '2026/11/28 17:41:58.268 +0000'],
  ['%FT%T.%3fZ', '2026-11-28T17:41:58.268Z'],
  ['%s.%6f', '1795887718.268000'],
  ['%a, %d %b %Y %I:%M:%S %p.%f', 'Sat, 28 Nov 2026 05:41:58 PM.268000000'],
  ['%d/%B/%y:%T.%1f%2f%3f %Ez 100%%', '28/November/26:17:41:58.226268 +00:00 100%'],
  ['%F %H:%M:%E3S %Z', '2026-11-28 17:41:58.268 UTC'],
])('%s', (format, text) => {
  const { parse, precisionMs } = compiled(format);
  const time = Date.parse('2026-11-28T17:41:58.268Z');
  expect(written(format, time)).toBe(text);
  expect(parse(text)).toBe(time);
  expect(precisionMs).toBe(1);
});

test('another time zone, as START_TIME_LOCAL has it', () => {
  expect(compiled('%F %T %z').parse('2026-11-28 18:41:58 +0100')).toBe(Date.parse('2026-11-28T17:41:58Z'));
});

test('without a fraction it is a second', () => {
  expect(compiled('%F %T').precisionMs).toBe(1000);
});

test.each([
  ['%H:%M:%S', 'has no date'],
  ['%Y-%m-%d', 'has no date and time to the second'],
  ['%F %T %Q', '%Q is not known'],
])('%s cannot be read back: %s', (format, why) => {
  expect(compileStartTime(format)).toContain(why);
});

test('what is no time of the format', () => {
  const { parse } = compiled('%F %T');
  for (const text of ['', '2026-02-30 00:00:00', '2026-11-28', '2026-11-28 17:41:58.1']) {
    expect(parse(text)).toBeUndefined();
  }
});

test('what was written is read back', () => {
  const formats = fc.constantFrom(undefined, '%s.%3f', '%F %T.%9f', '%e %b %Y %R:%S.%f', '%D %I:%M:%S %p %z');
  const times = fc.integer({ min: Date.UTC(2000), max: Date.UTC(2099) });
  fc.assert(
    fc.property(formats, times, (format, ms) => {
      const { parse, precisionMs } = compiled(format);
      expect(parse(written(format, ms))).toBe(Math.floor(ms / precisionMs) * precisionMs);
    }),
  );
});
