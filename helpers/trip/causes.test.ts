import { describe, expect, it } from 'vitest';
import { causes, type Cause } from './causes.ts';
import { stateCauses } from './causes.state.ts';
import { trafficCauses } from './causes.traffic.ts';

describe('causes', () => {
  const list: readonly [string, Cause][] = Object.entries(causes);

  it.each(list)('%s is told whole', (code, cause) => {
    expect(code).toMatch(/^[A-Z]+(?:_[A-Z]+)*$/);
    for (const text of Object.values({ ...cause })) expect(text.trim()).not.toBe('');
    expect(cause.title).not.toMatch(/\.$/);
    expect(cause.why).toMatch(/\.$/);
    expect(cause.do).toMatch(/\.$/);
  });

  it('has each code and title once', () => {
    expect(list).toHaveLength(Object.keys(trafficCauses).length + Object.keys(stateCauses).length);
    expect(new Set(list.map(([, cause]) => cause.title)).size).toBe(list.length);
  });
});
