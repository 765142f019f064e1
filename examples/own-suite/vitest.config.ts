import { conformance } from 'istio-external-proxy-conformance/vitest';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { ...conformance({ target: 'hermetic' }), reporters: ['verbose'] },
});
