import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultTextFormats } from '../trip/envoy.ts';
import { accessLogChanges, accessLogOf, fieldPairs, type LogChange } from './access-log-fields.ts';

const format: string = defaultTextFormats['1.9+'];

function ids(before: string, after: string): string[] {
  return accessLogChanges(before, after).map(({ id }) => id);
}

function own(changes: readonly LogChange[]): string[] {
  return changes.filter(({ consequence }) => !consequence).map(({ id }) => id);
}

describe('accessLogOf', () => {
  it("counts the fields of Istio's default", () => {
    const { encoding, fields, ending } = accessLogOf(format);
    expect([encoding, fields.length, ending]).toEqual(['text', 24, '\n']);
    expect(fields[17]).toEqual({
      name: '%UPSTREAM_HOST%',
      written: '"%UPSTREAM_HOST%"',
      position: 18,
      fromEnd: 7,
      separator: ' ',
    });
    expect(fields[0]).toMatchObject({ written: '[%START_TIME%]', position: 1, fromEnd: 24, separator: '' });
  });

  it('tells an operator from the same one later, and knows those with digits', () => {
    expect(accessLogOf('%TLS_JA3_FINGERPRINT% %REQ(A):5% %REQ(A):5%').fields.map(({ name }) => name)).toEqual(
      ['%TLS_JA3_FINGERPRINT%', '%REQ(A):5%', '%REQ(A):5% #2'],
    );
  });

  it('reads JSON, nested too, and no log at all', () => {
    expect(accessLogOf('{"b":"%PROTOCOL%","a":{"c":"%DURATION%","n":1}}')).toMatchObject({
      encoding: 'JSON',
      fields: [
        { name: 'a.c', written: '%DURATION%' },
        { name: 'a.n', written: '1' },
        { name: 'b', written: '%PROTOCOL%' },
      ],
    });
    expect(accessLogOf('')).toEqual({ encoding: 'none', fields: [], ending: '' });
    expect(accessLogOf('{%PROTOCOL%}').encoding).toBe('text');
  });
});

describe('accessLogChanges', () => {
  it('finds none between a format and itself', () => {
    expect(accessLogChanges(format, format)).toEqual([]);
    expect(accessLogChanges('', '')).toEqual([]);
    expect(accessLogChanges('{"a":"1","b":"2"}', '{"b":"2","a":"1"}')).toEqual([]);
  });

  it('names an added field, and what only counts otherwise because of it', () => {
    const after = format.replace('%UPSTREAM_CLUSTER_RAW%', '%FILTER_CHAIN_NAME% %UPSTREAM_CLUSTER_RAW%');
    const changes = accessLogChanges(format, after);
    expect(own(changes)).toEqual(['log: +%FILTER_CHAIN_NAME% at 19']);
    expect(changes).toContainEqual({
      id: 'log: %UPSTREAM_CLUSTER_RAW% moved 19 -> 20',
      field: '%UPSTREAM_CLUSTER_RAW%',
      before: 'field 19 (6 from the end)',
      after: 'field 20 (6 from the end)',
      consequence: true,
    });
    // Whoever counts from the end notices the fields before it.
    expect(changes).toContainEqual({
      id: 'log: %START_TIME% moved from the end 24 -> 25',
      field: '%START_TIME%',
      before: 'field 1 (24 from the end)',
      after: 'field 1 (25 from the end)',
      consequence: true,
    });
  });

  it('names a removed and a replaced field', () => {
    expect(own(accessLogChanges(format, format.replace(' %ROUTE_NAME%', '')))).toEqual([
      'log: -%ROUTE_NAME% at 24',
    ]);
    expect(ids(format, format.replace('UPSTREAM_CLUSTER_RAW', 'UPSTREAM_CLUSTER'))).toEqual([
      'log: -%UPSTREAM_CLUSTER_RAW% at 19',
      'log: +%UPSTREAM_CLUSTER% at 19',
    ]);
  });

  it('names the one field that moved, and the others as its consequence', () => {
    const after = format.replace(' %BYTES_SENT%', '').replace('%ROUTE_NAME%', '%ROUTE_NAME% %BYTES_SENT%');
    const changes = accessLogChanges(format, after);
    expect(own(changes)).toEqual(['log: %BYTES_SENT% moved 11 -> 24']);
    expect(changes).toHaveLength(1 + 13);
  });

  it('says quotes that came or went, of that field alone', () => {
    expect(accessLogChanges(format, format.replace('"%UPSTREAM_HOST%"', '%UPSTREAM_HOST%'))).toEqual([
      {
        id: 'log: %UPSTREAM_HOST% format',
        field: '%UPSTREAM_HOST%',
        before: '"%UPSTREAM_HOST%"',
        after: '%UPSTREAM_HOST%',
        consequence: false,
      },
    ]);
  });

  it('says other blanks, another ending, and any other text', () => {
    expect(ids('%PROTOCOL% %DURATION%', '%PROTOCOL%\t%DURATION%')).toEqual(['log: %DURATION% separator']);
    expect(ids('%PROTOCOL% and %DURATION%', '%PROTOCOL% or %DURATION%')).toEqual([
      'log: %DURATION% separator',
    ]);
    expect(own(accessLogChanges('%A% %C%', '%A% %B%\t%C%'))).toEqual(['log: +%B% at 2']);
    expect(ids(format, format.trimEnd())).toEqual(['log: ending']);
    // As some releases of 1.23 and 1.24 had it.
    expect(ids(format, format.replace('%ROUTE_NAME%', '%ROUTE_NAME%;'))).toEqual([
      'log: %ROUTE_NAME% format',
    ]);
    expect(ids('no operator', 'none at all')).toEqual(['log: ending']);
  });

  it('says another encoding in one difference', () => {
    expect(accessLogChanges(format, '{"method":"%REQ(:METHOD)%"}')).toEqual([
      { id: 'log: encoding', field: '', before: 'text', after: 'JSON', consequence: false },
    ]);
    expect(accessLogChanges(format, '')).toMatchObject([{ id: 'log: encoding', after: 'none' }]);
  });

  it('compares the members of JSON by their keys', () => {
    expect(accessLogChanges('{"a":"%A%","b":"%B%"}', '{"c":"%C%","b":"%X%"}')).toMatchObject([
      { id: 'log: -a', before: '%A%', after: 'absent' },
      { id: 'log: b format', before: '%B%', after: '%X%' },
      { id: 'log: +c', before: 'absent', after: '%C%' },
    ]);
  });

  it('never says that two different formats are the same', () => {
    const operators = fc.constantFrom('%PROTOCOL%', '%DURATION%', '%REQ(A)%', '%X%', '%1%', '%');
    const literals = fc.constantFrom(' ', '  ', '"', '|', ' a ', '[', ']', '\n', '');
    const formats = fc
      .array(fc.tuple(literals, operators, literals), { maxLength: 5 })
      .map((parts) => parts.flat().join(''));
    fc.assert(
      fc.property(formats, formats, (before, after) => {
        expect(accessLogChanges(before, after).length > 0).toBe(before !== after);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('fieldPairs', () => {
  it('has the order of the newer log, and a removed field where it was', () => {
    const pairs = fieldPairs(accessLogOf('%A% %B% %C%'), accessLogOf('%C% %A% %D%'));
    expect(pairs.map(({ name, before, after }) => [name, before?.position, after?.position])).toEqual([
      ['%C%', 3, 1],
      ['%A%', 1, 2],
      ['%B%', 2, undefined],
      ['%D%', undefined, 3],
    ]);
  });
});
