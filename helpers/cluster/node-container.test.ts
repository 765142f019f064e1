import type Dockerode from 'dockerode';
import { describe, expect, it } from 'vitest';
import { AgentContainer, NodeContainer, type NodeRequest } from './node-container.ts';

/** What the engine is asked to create a node with, before it is. */
function hostConfigOf(kind: 'server' | 'agent', oneHierarchy: boolean): Dockerode.HostConfig {
  const request: NodeRequest = {
    ...{ image: 'rancher/k3s:v1', entrypoint: ['/bin/k3s'], host: 'localhost', gateway: '172.18.0.1' },
    ...{ oneHierarchy, copies: [], member: { name: kind, token: 't' } },
    mounts: [{ source: '/cache/set.tar', target: '/var/lib/rancher/k3s/agent/images/set.tar' }],
  };
  const container = kind === 'server' ? new NodeContainer(request) : new AgentContainer(request, 'k3s');
  return (container as unknown as { readonly hostConfig: Dockerode.HostConfig }).hostConfig;
}

describe.each(['server', 'agent'] as const)('the container of a %s', (kind) => {
  it('has the cgroups of a machine with version 1, and none of one with version 2', () => {
    const binds = ['/sys/fs/cgroup:/sys/fs/cgroup:rw'];
    expect(hostConfigOf(kind, false)).toMatchObject({ CgroupnsMode: 'host', Binds: binds, Privileged: true });
    expect(hostConfigOf(kind, true)).toMatchObject({ CgroupnsMode: 'private', Binds: [], Privileged: true });
  });

  it('binds files so that the engine refuses where it does not see them', () => {
    const { Mounts } = hostConfigOf(kind, true);
    expect(Mounts).toEqual([
      expect.objectContaining({ Type: 'bind', Source: '/cache/set.tar', ReadOnly: true }),
    ]);
    expect(Mounts?.[0]?.BindOptions).toBeUndefined();
  });
});
