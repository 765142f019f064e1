import type { z } from 'zod';
import type { configurationSchema } from './configuration.ts';
import type { gateSettingsSchema } from './gate-settings.ts';

/** What `conformance.config.ts` may say: every setting of a run, and those of the gate. */
export type ConformanceConfig = z.input<typeof configurationSchema> & {
  readonly gate?: z.input<typeof gateSettingsSchema>;
};

/** For `conformance.config.ts`: gives the file its types, and its author completion. */
export function defineConfig(config: ConformanceConfig): ConformanceConfig {
  return config;
}
