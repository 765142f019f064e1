import { describe, expect, it } from 'vitest';
import { causes, type Cause } from './causes.ts';
import { causesPage } from './causes-page.ts';
import { environmentCauses } from './causes.environment.ts';
import { stateCauses } from './causes.state.ts';
import { trafficCauses } from './causes.traffic.ts';
import { upgradeCauses } from './causes.upgrade.ts';
import { yourProxyCauses } from './causes.your-proxy.ts';

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
    const parts = [trafficCauses, stateCauses, upgradeCauses, yourProxyCauses, environmentCauses];
    expect(list).toHaveLength(parts.flatMap((part) => Object.keys(part)).length);
    expect(new Set(list.map(([, cause]) => cause.title)).size).toBe(list.length);
  });
});

describe('docs/causes.md', () => {
  it('is as generated (npm run generate)', async () => {
    await expect(causesPage()).toMatchFileSnapshot('../../docs/causes.md');
  });
});
