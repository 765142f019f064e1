import { afterEach, expect, it, vi } from 'vitest';
import { cacheDir, inCache } from './cache.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

it('takes $CONFORMANCE_CACHE_DIR', () => {
  vi.stubEnv('CONFORMANCE_CACHE_DIR', '/somewhere');
  expect(inCache('archives', 'x.tar')).toBe('/somewhere/archives/x.tar');
});

it('takes the platform’s cache folder, also when the variable is empty', () => {
  vi.stubEnv('CONFORMANCE_CACHE_DIR', '');
  expect(cacheDir()).toMatch(/istio-external-proxy-conformance$/);
});
