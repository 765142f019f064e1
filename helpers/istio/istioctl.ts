import type { Cluster } from '../cluster/cluster.ts';
import { oneShot } from '../cluster/one-shot.ts';
import { timeouts } from '../timeouts.ts';

/** istioctl ran and failed; `output` is all it printed. */
export class IstioctlError extends Error {
  override readonly name = 'IstioctlError';
  readonly output: string;

  constructor(message: string, output: string) {
    super(message);
    this.output = output;
  }
}

/**
 * Runs istioctl of the image's version in a container on the cluster's network, and gives its standard output.
 * @param options.files text files for it to read, by absolute path
 */
export async function istioctl(
  cluster: Cluster,
  image: string,
  args: readonly string[],
  options: { readonly files?: Readonly<Record<string, string>>; readonly timeoutMs?: number } = {},
): Promise<string> {
  const kubeconfig = '/conformance/kubeconfig';
  const { exitCode, stdout, stderr } = await oneShot(cluster, {
    image,
    args,
    environment: { KUBECONFIG: kubeconfig },
    files: { ...options.files, [kubeconfig]: cluster.internalKubeconfig },
    timeoutMs: options.timeoutMs ?? timeouts.istioctl,
  });
  if (exitCode === 0) return stdout;
  const said = `${stdout}\n${stderr}`.trim();
  throw new IstioctlError(
    `\`istioctl ${args.join(' ')}\` ended with exit code ${exitCode}: ${said.split('\n').slice(-3).join(' ')}`,
    said,
  );
}
