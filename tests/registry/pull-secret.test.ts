import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { containerEngine } from '../../helpers/engine.ts';
import { foreignCluster, type ForeignCluster } from '../support/foreign-cluster.ts';
import { ForeignRuns } from '../support/foreign-runs.ts';
import { localRegistry, type LocalRegistry } from '../support/local-registry.ts';

const roles = ['curl', 'squid', 'origin'] as const;

let registry: LocalRegistry;
let theirs: ForeignCluster;
let runs: ForeignRuns;
let asked: string[];

/** A cluster whose node has none of the run's images, and a registry that gives them to who is known to it. */
beforeAll(async () => {
  registry = await localRegistry('0.0.0.0');
  theirs = await foreignCluster();
  runs = await ForeignRuns.in(theirs);
  const kubeconfig = await runs.file('administrator', theirs.cluster.kubeconfig);
  asked = ['run', '--kubeconfig', kubeconfig, '--target', 'hermetic'];
  const [, port = ''] = registry.host.split(':');
  // containerd speaks plain HTTP to its own loopback alone, and there is no registry: it is behind the network's gateway.
  await onNode(`
    to="$(ip route show default | awk '{print $3}'):${port}"
    iptables -t nat -A OUTPUT -d 127.0.0.1 -p tcp --dport ${port} -j DNAT --to-destination "$to"
    iptables -t nat -A POSTROUTING -s 127.0.0.1 -p tcp --dport ${port} -j MASQUERADE
    echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet`);
  for (const role of roles) {
    const { reference } = theirs.images.images[role];
    await registry.push(reference, `private/${role}:1`);
    await onNode(`ctr --namespace k8s.io images rm --sync ${reference}`);
    asked.push('--image', `${role}=${registry.host}/private/${role}:1`);
  }
});

afterAll(async () => {
  await runs[Symbol.asyncDispose]();
  await theirs[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

test('without its credentials the image that the registry refuses is named', async () => {
  const { exitCode, output } = await runs.conformance(asked);
  expect(output).toContain('IMAGE_NOT_PULLED: An image cannot be pulled');
  expect(output).toMatch(
    new RegExp(`${registry.host}/private/\\w+:1.*(no basic auth|authorization failed|401)`),
  );
  expect(output).toContain('--pull-secret');
  expect(exitCode).toBe(3);
});

test('with --pull-secret the node pulls them all, and the document is green', async () => {
  const login = join(registry.login, 'config.json');
  const { exitCode, output } = await runs.conformance([...asked, '--pull-secret', login]);
  expect(output).toContain('Verdict: conformant');
  expect(exitCode).toBe(0);
});

async function onNode(script: string): Promise<void> {
  const { container } = await containerEngine();
  const node = container.getById(theirs.cluster.containerId ?? '');
  const { exitCode, output } = await container.exec(node, ['sh', '-ec', script]);
  expect(exitCode, output).toBe(0);
}
