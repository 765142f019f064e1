import { fileURLToPath } from 'node:url';
import { pack } from 'tar-fs';
import { Readable } from 'node:stream';
import { dockerode, engineArchitecture, follow } from '../../helpers/engine.ts';
import { ensureImageSet } from '../../helpers/images/ensure.ts';
import { parseReference } from '../../helpers/images/reference.ts';
import { roles } from '../../helpers/images/roles.ts';
import { sourceIstioSettings } from '../../helpers/istio/install.ts';
import { registryReferences, systemReferences, type Versions } from '../../helpers/images/versions.ts';
import { silent } from '../../helpers/progress/progress.ts';
import type { LocalRegistry } from '../support/local-registry.ts';

/**
 * Puts the images that are built from source into a registry, under the names that published ones have there: repository
 * and tag of fixtures/versions.yaml. All are the source set's, byte for byte, but for istioctl (./istioctl/Dockerfile).
 */
export async function fillRegistry(registry: LocalRegistry, versions: Versions): Promise<void> {
  const { images } = await ensureImageSet({ source: 'source', ...versions }, silent);
  const published = registryReferences(versions, await engineArchitecture());
  const istioctl = `localhost/conformance-test/istioctl:${versions.istio}-${process.pid}`;
  await buildIstioctl(istioctl, images.istioctl.reference, images.curl.reference);
  try {
    for (const role of roles) {
      const image = role === 'istioctl' ? istioctl : images[role].reference;
      await registry.push(image, pathOf(published[role]));
    }
  } finally {
    await (await dockerode()).getImage(istioctl).remove();
  }
  // The stand-in node brings its own; these only have to travel.
  const { Config } = await (await dockerode()).getImage(images.k3s.reference).inspect();
  for (const reference of systemReferences(versions)) {
    const variable = reference.includes('pause') ? 'PAUSE_IMAGE=' : 'COREDNS_IMAGE=';
    const own = Config.Env.find((entry) => entry.startsWith(variable))?.slice(variable.length);
    if (own === undefined) throw new Error(`The node does not say which image plays ${reference}`);
    await registry.push(own, pathOf(reference));
  }
}

/** Takes a mirror's names away from the engine; the images stay where others use them. */
export async function forgetImages(host: string): Promise<void> {
  const docker = await dockerode();
  const images = await docker.listImages({ filters: { reference: [`${host}/*/*`, `${host}/*/*/*`] } });
  for (const name of images.flatMap(({ RepoTags }) => RepoTags ?? [])) {
    if (name.startsWith(`${host}/`)) await docker.getImage(name).remove();
  }
}

async function buildIstioctl(name: string, istioctl: string, shell: string): Promise<void> {
  const context = pack(fileURLToPath(new URL('istioctl', import.meta.url)));
  const docker = await dockerode();
  const answer = await docker.buildImage(Readable.from(context), {
    t: name,
    rm: true,
    buildargs: { ISTIOCTL: istioctl, SHELL_IMAGE: shell, SETTINGS: sourceIstioSettings.join(' ') },
  });
  await follow(answer, () => undefined);
}

function pathOf(reference: string): string {
  const { repository, version } = parseReference(reference);
  return `${repository}:${version}`;
}
