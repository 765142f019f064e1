import { InvalidArgumentError, Option } from 'commander';
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
export const keepOption = (): Option => new Option('--keep', 'keep the cluster, and use the kept one again');
export const reportDirOption = (): Option =>
  new Option('--report-dir <folder>', "folder that the run's report folder is made in").default('reports');

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
