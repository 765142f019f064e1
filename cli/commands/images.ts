import { Command } from 'commander';
import type { VersionChoice } from '../images.ts';
import { checkOnly, imagesOption, istioOption, kubernetesOption, type ImagesFlag } from '../options.ts';

export function imagesCommand(): Command {
  const images = new Command('images').description('the images that play the roles of a run');
  images
    .command('list')
    .description('role, reference, digest, source, size, cached or not')
    .addOption(istioOption())
    .addOption(kubernetesOption())
    .addOption(imagesOption())
    .action(async ({ images: asked, ...versions }: VersionChoice & { images: ImagesFlag }) => {
      const { listSet } = await import('../images.ts');
      await listSet(asked, versions);
    });
  for (const [name, source, description] of [
    ['build', 'source', 'build the source image set'],
    ['pull', 'registry', 'pull the images from their registries'],
  ] as const) {
    images
      .command(name)
      .description(description)
      .addOption(istioOption())
      .addOption(kubernetesOption())
      .action(async (versions: VersionChoice) => {
        const { prepareSet } = await import('../images.ts');
        await prepareSet(source, versions, checkOnly);
      });
  }
  return images;
}
