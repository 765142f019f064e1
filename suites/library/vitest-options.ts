import { fileURLToPath } from 'node:url';
import type { InlineConfig } from 'vitest/node';
import { z } from 'zod';
import { configurationSchema, type ConfigurationInput } from '../../helpers/configuration/configuration.ts';
import { settingsMustFit } from '../../helpers/configuration/settings.ts';
import { UsageError } from '../../helpers/errors.ts';
import { ownExtension } from '../../helpers/installed.ts';
import type { ProvidedByLibrary } from '../../helpers/results/vitest-context.ts';

/** What a vitest configuration needs for the suite's steps. */
export type ConformanceOptions = Pick<
  InlineConfig,
  'setupFiles' | 'testTimeout' | 'hookTimeout' | 'retry' | 'pool' | 'fileParallelism'
> & { readonly globalSetup: string[]; readonly provide: ProvidedByLibrary };

/**
 * The part of a vitest configuration that the steps need, to be spread into `test`: a session before the first test
 * (a cluster with its images and destination, removed after the last), the matchers, and time limits that leave the
 * steps their own.
 * @param configuration The settings of `conformance run`, with the same defaults
 * @throws UsageError for invalid settings, and for settings that do not fit together
 */
export function conformance(configuration: ConfigurationInput = {}): ConformanceOptions {
  const checked = configurationSchema.safeParse(configuration);
  if (!checked.success) {
    throw new UsageError(
      `conformance() in the vitest configuration: ${z.prettifyError(checked.error)}`,
      'Its options: the keys in docs/cli.md; see docs/library.md.',
    );
  }
  settingsMustFit(checked.data);
  return {
    globalSetup: [own('../setup')],
    setupFiles: [own('../../helpers/trip/matchers')],
    provide: { conformance: checked.data },
    // Every wait inside a step has its own deadline, which names what it waited for.
    testTimeout: 1_800_000,
    hookTimeout: 900_000,
    // A step that passes the second time did not pass.
    retry: 0,
    pool: 'threads',
    // The files share one cluster.
    fileParallelism: false,
  };
}

function own(module: string): string {
  return fileURLToPath(new URL(`${module}.${ownExtension}`, import.meta.url));
}
