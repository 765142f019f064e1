import type { Collector } from './collector.ts';
import type { Source } from './source.ts';

/** What istioctl says of the mesh. */
export function istioctlCollectors({ istioctl }: Source): Collector[] {
  if (istioctl === undefined) return [];
  const commands = [
    ['analyze.txt', 'what istioctl finds wrong', ['analyze', '--all-namespaces']],
    ['proxy-status.txt', 'whether each Envoy has the newest configuration', ['proxy-status']],
    ['version.txt', 'versions of client, control plane and data plane', ['version']],
  ] as const;
  return commands.map(([file, what, args]) => ({
    file: `istioctl/${file}`,
    what: `\`istioctl ${args.join(' ')}\`: ${what}`,
    collect: async () => ({ text: await istioctl(args) }),
  }));
}
