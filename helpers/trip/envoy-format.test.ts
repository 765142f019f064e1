import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { envoyLine } from '../../tests/samples/log-lines.ts';
import { compileFormat, defaultTextFormats } from './envoy.ts';

const formats = Object.entries(defaultTextFormats);
/** Anything printable that cannot end a bare field. */
const bare = fc.oneof(
  fc.constantFrom(
    '-',
    'via_upstream',
    '"-"',
    'outbound|3128||my-company-proxy.com',
    '[::1]:80',
    'rbac_access_denied_matched_policy[none]',
  ),
  fc.string({ minLength: 1, unit: 'grapheme-ascii' }).map((text) => text.replaceAll(/\s/g, '_')),
);
const bracketed = fc.constantFrom('2026-11-22T15:47:25.644Z', '-');
const words = fc
  .array(
    fc.string({ minLength: 1, unit: 'grapheme-ascii' }).map((text) => text.replaceAll(/[\s"]/g, '_')),
    { minLength: 1, maxLength: 5 },
  )
  .map((parts) => parts.join(' '));
const quoted = fc.oneof(
  fc.constantFrom('-', '', '10.42.0.5:3128', '[::1]:80', 'a "quoted" \\ word', '\\', '"'),
  fc.string({ unit: 'grapheme-ascii' }),
);
const quotedPart = bare;

function arbitraryOf(format: string, operator: string): fc.Arbitrary<string> {
  const escaped = `%${operator}%`;
  if (operator === 'START_TIME') return bracketed;
  if (operator === 'CONNECTION_TERMINATION_DETAILS') return words;
  if (format.includes(`"${escaped}"`)) return quoted;
  if (operator === 'REQ(:METHOD)' || operator.startsWith('REQ(X-ENVOY-ORIG') || operator === 'PROTOCOL')
    return quotedPart;
  return bare;
}

describe('compileFormat', () => {
  it.each(formats)('reads back what it wrote in the format of %s', (_version, format) => {
    const compiled = compileFormat(format);
    const values = fc.tuple(...compiled.operators.map((operator) => arbitraryOf(format, operator)));
    fc.assert(
      fc.property(values, (fields) => {
        const map = new Map(compiled.operators.map((operator, index) => [operator, fields[index] ?? '-']));
        expect(compiled.parse(envoyLine(format, map))).toEqual(map);
      }),
    );
  });

  it('writes - for what is absent', () => {
    expect(envoyLine('[%START_TIME%] "%UPSTREAM_HOST%" %ROUTE_NAME%', new Map())).toBe('[-] "-" -');
  });

  it('takes a line whole or not at all', () => {
    const { parse } = compileFormat('%BYTES_SENT% "%UPSTREAM_HOST%"');
    expect(parse('1 "a"')).toEqual(
      new Map([
        ['BYTES_SENT', '1'],
        ['UPSTREAM_HOST', 'a'],
      ]),
    );
    for (const line of ['1 "a" ', ' 1 "a"', '1  "a"', '1 "a', '1 a', '1 "a" b', '1 "a"b"', ''])
      expect(parse(line)).toBeUndefined();
  });

  it('rejects a value that its place cannot hold', () => {
    const format = '%ROUTE_NAME% [%START_TIME%]';
    expect(() => envoyLine(format, new Map([['ROUTE_NAME', 'two words']]))).toThrow(
      /ROUTE_NAME cannot be "two words"/,
    );
    expect(() => envoyLine(format, new Map([['START_TIME', 'a]']]))).toThrow(RangeError);
  });

  it('rejects a format that cannot be read back', () => {
    expect(() => compileFormat('nothing')).toThrow(TypeError);
    expect(() => compileFormat('%PROTOCOL% %PROTOCOL%')).toThrow(/twice/);
  });
});
