import { expect, test } from 'vitest';
import { explainFlags, flagsOf, responseFlags, shortFlags } from './envoy-values.ts';

test('every flag of Envoy, each once, in both forms', () => {
  // CORE_RESPONSE_FLAGS in Envoy's source/common/stream_info/utility.h, and UDO, which is registered beside them.
  const core =
    'LH UH UT LR UR UF UC UO NR DI FI RL UAEX RLSE DC URX SI IH DPE UMSDR RFCF NFCF DT UPE NC OM DF DO DR UDO';
  expect(responseFlags.map(({ short }) => short).sort()).toEqual(core.split(' ').sort());
  const names = responseFlags.flatMap(({ short, long }) => [short, long]);
  expect(new Set(names).size).toBe(names.length);
});

test.each([
  ['UF,URX', 'UF,URX'],
  // The reason comes before the attempts.
  ['URX,UF', 'UF,URX'],
  ['UpstreamConnectionFailure,UpstreamRetryLimitExceeded', 'UF,URX'],
  ['UO', 'UO'],
  ['-', ''],
  ['', ''],
  ['XY', ''],
])('the flags in %j are %j', (text, shorts) => {
  expect(
    flagsOf(text)
      .map(({ short }) => short)
      .join(','),
  ).toBe(shorts);
});

test('the long form becomes the short one, and an unknown flag stays', () => {
  expect(shortFlags('UpstreamOverflow,SomethingNew')).toBe('UO,SomethingNew');
  expect(shortFlags('-')).toBe('-');
});

test('a line of explanation', () => {
  expect(explainFlags('UO')).toBe(
    'UO: a circuit breaker was open: the cluster had as many connections as it may have',
  );
  expect(explainFlags('-')).toBeUndefined();
});

test('meanings are phrases, and advice is sentences', () => {
  for (const { short, meaning, advice } of responseFlags) {
    expect(meaning, short).toMatch(/^[^.]+[^.:]$/);
    expect(advice, short).toMatch(/[.?]$/);
  }
});
