import { InvalidArgumentError, Option } from 'commander';
import { maxTimeoutScale, minTimeoutScale } from '../helpers/configuration/configuration.ts';
import { parseImageChoice, type ImageChoice } from '../helpers/images/mirror.ts';
import { withOverride, type Overrides } from '../helpers/images/overrides.ts';

/** The launcher asks so before it installs an engine, lest a misspelt flag be found out only afterwards. */
export const checkOnly = process.env['CONFORMANCE_CHECK_ARGUMENTS'] === '1';

/** Where images come from, as flags say it. */
export type ImagesFlag = ImageChoice;

/** The options that several commands share, each declared once. */
export const istioOption = (): Option => new Option('--istio <version>', 'version of Istio');
export const kubernetesOption = (): Option => new Option('--k8s <version>', 'version of Kubernetes');
export const imagesOption = (preset: ImageChoice = 'auto'): Option =>
  new Option(
    '--images <source>',
    'where images come from: auto, registry, source, mirror=HOST[:PORT][/PREFIX]',
  )
    .default(preset)
    .argParser(parseImageChoice);
export const imageOption = (): Option =>
  new Option('--image <role=reference>', 'take this image for a role; may be given again')
    .default({} satisfies Overrides, 'none')
    .argParser<Overrides>(withOverride);
export const keepOption = (): Option =>
  new Option('--keep', 'keep the cluster; one that was kept for the same configuration is used again');
export const reuseOption = (): Option =>
  new Option(
    '--reuse',
    'run on the kept cluster, and refuse where there is none or its configuration differs',
  );
export const pauseOption = (): Option =>
  new Option('--pause-on-failure', 'after a failed step and its evidence, wait for Enter; needs a terminal');
export const failFastOption = (): Option =>
  new Option('--fail-fast', 'after the first failed step, skip all others');
export const timeoutScaleOption = (): Option =>
  new Option('--timeout-scale <n>', 'multiply every time limit, e.g. by 2 on a slow machine')
    .default(1)
    .argParser(scale);
export const jsonOption = (): Option =>
  new Option('--json', 'events on stdout, a JSON object a line; text for people goes to stderr');
export const quietOption = (): Option =>
  new Option('--quiet', 'tell failures and the verdict alone').conflicts('verbose');
export const verboseOption = (): Option =>
  new Option('--verbose', 'tell where each setting comes from, and of each step its commands and witnesses');
export const reportDirOption = (): Option =>
  new Option('--report-dir <folder>', "folder that the run's report folder is made in").default('reports');

/** Parses the value of --timeout-scale. */
export function scale(value: string): number {
  const number = Number(value);
  if (/^[0-9]+(\.[0-9]+)?$/.test(value) && number >= minTimeoutScale && number <= maxTimeoutScale)
    return number;
  throw new InvalidArgumentError(`A number from ${minTimeoutScale} to ${maxTimeoutScale}.`);
}

/** An option with a closed list of values. */
export function choice(flags: string, description: string, valid: readonly string[], preset: string): Option {
  return new Option(flags, description)
    .choices(valid)
    .default(preset)
    .argParser((value) => {
      if (valid.includes(value)) return value;
      throw new InvalidArgumentError(`One of: ${valid.join(', ')}.`);
    });
}

/** For an option that may be given again. */
export function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}
