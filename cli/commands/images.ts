import { Command } from 'commander';
import { UsageError } from '../../helpers/errors.ts';
import type { SetChoice, VersionChoice } from '../images.ts';
import { checkOnly, imageOption, imagesOption, istioOption, kubernetesOption } from '../options.ts';

export function imagesCommand(): Command {
  const images = new Command('images').description('the images that play the roles of a run');
  images
    .command('list')
    .description('role, reference, digest, source, size, cached or not; of a mirror, what each is a copy of')
    .addOption(istioOption())
    .addOption(kubernetesOption())
    .addOption(imagesOption())
    .addOption(imageOption())
    .action(async (choice: SetChoice) => {
      const { listSet } = await import('../images.ts');
      await listSet(choice);
    });
  images
    .command('build')
    .description('build the source image set')
    .addOption(istioOption())
    .addOption(kubernetesOption())
    .action(async (versions: VersionChoice) => {
      const { prepareSet } = await import('../images.ts');
      await prepareSet({ ...versions, images: 'source', image: {} }, checkOnly);
    });
  images
    .command('pull')
    .description('pull the images from their registries, or from a mirror')
    .addOption(istioOption())
    .addOption(kubernetesOption())
    .addOption(imagesOption('registry'))
    .addOption(imageOption())
    .action(async (choice: SetChoice) => {
      if (choice.images === 'source') {
        throw new UsageError('The source set is not pulled.', 'It is built: ./conformance images build');
      }
      const { prepareSet } = await import('../images.ts');
      await prepareSet(choice, checkOnly);
    });
  images
    .command('save')
    .description('write a whole set into one file, for machines without a registry')
    .argument('<file>', 'e.g. set.tar.zst; compressed where it ends in .zst or .gz')
    .addOption(istioOption())
    .addOption(kubernetesOption())
    .addOption(imagesOption())
    .addOption(imageOption())
    .option('--force', 'replace a file that is there')
    .action(async (file: string, { force, ...choice }: SetChoice & { readonly force?: true }) => {
      const { saveSet } = await import('../images.ts');
      await saveSet(file, { ...choice, force: force === true }, checkOnly);
    });
  images
    .command('load')
    .description('take in a file that `images save` wrote: runs with its versions then need no registry')
    .argument('<file>')
    .action(async (file: string) => {
      const { loadFile } = await import('../images.ts');
      await loadFile(file, checkOnly);
    });
  return images;
}
