import { describe, expect, it } from 'vitest';
import type { ImageSet } from '../images/roles.ts';
import { reachCommands, reachFilesIn } from './reach.ts';

const images = { images: { istioctl: { reference: 'istio/istioctl:1.29.1' } } } as ImageSet;
const cluster = { containerId: '0123456789abcdef', network: 'net-1' };

const commands = (installed: readonly string[], folder = '/cache/kept'): string[] =>
  reachCommands(reachFilesIn(folder), cluster, images, (command) => installed.includes(command));

describe('how to reach a cluster', () => {
  it('is by the tools of this machine where it has them', () => {
    expect(commands(['kubectl', 'istioctl', 'docker'])).toEqual([
      'export KUBECONFIG=/cache/kept/kubeconfig',
      'kubectl get pods -A',
      'istioctl proxy-status',
    ]);
  });

  it('is by those of the node and of the run where it has not', () => {
    const [, kubectl, istioctl] = commands(['docker']);
    expect(kubectl).toBe('docker exec 0123456789ab kubectl get pods -A');
    expect(istioctl).toMatch(
      /^docker run --rm --network net-1 .* -v \/cache\/kept\/kubeconfig\.internal:\/kubeconfig:ro istio\/istioctl:1\.29\.1 proxy-status --kubeconfig \/kubeconfig$/,
    );
    expect(commands(['podman'])[1]).toMatch(/^podman exec /);
  });

  it('is written as a shell reads it', () => {
    expect(commands(['kubectl'], "/my cache's")[0]).toBe(`export KUBECONFIG='/my cache'\\''s/kubeconfig'`);
  });
});
