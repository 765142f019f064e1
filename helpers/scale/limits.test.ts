import { afterAll, describe, expect, it, vi } from 'vitest';
import type { EnvironmentError as Refusal } from '../errors.ts';
import type { Kube } from '../kube/client.ts';

// Other files have imported it: these get one of their own, by which nothing is executed.
vi.resetModules();
vi.doMock(import('../kube/exec.ts'));
const { execOrThrow } = await import('../kube/exec.ts');
const { EnvironmentError } = await import('../errors.ts');
const { clientsMustFit, mustHaveBeenAtOnce, mustNotBeTooMany, squidMustHaveFiles } =
  await import('./limits.ts');
afterAll(() => {
  vi.doUnmock(import('../kube/exec.ts'));
  vi.resetModules();
});

const squid = { namespace: 'external', pod: 'squid-1', container: 'squid' };
const load = { clients: 50, tunnels: 10, waves: 1 };
const says = (text: string): void => {
  vi.mocked(execOrThrow).mockResolvedValue(text);
};
const clusterOf = (maxPods: number, pods: number, nodes = 1): Kube =>
  ({
    core: {
      listNode: () => ({
        items: Array.from({ length: nodes }, () => ({ status: { allocatable: { pods: String(maxPods) } } })),
      }),
      listPodForAllNamespaces: () => ({
        items: Array.from({ length: pods }, (_none, index) => ({
          spec: { containers: [{ name: index === 0 ? 'istio-proxy' : 'app' }] },
          status: { phase: index === pods - 1 ? 'Succeeded' : 'Running' },
        })),
      }),
    },
  }) as unknown as Kube;

async function limitOf(work: Promise<unknown>): Promise<Refusal> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof EnvironmentError)) throw new Error(`no limit was named: ${String(error)}`);
  expect(error.code).toBe('SCALE_LIMIT');
  return error;
}

describe('what many clients need', () => {
  it('is room for their pods', async () => {
    says('1024');
    await clientsMustFit(clusterOf(110, 61), load, squid);
    const { message, hint } = await limitOf(clientsMustFit(clusterOf(110, 62), load, squid));
    expect(message).toBe(
      "50 clients do not fit: the node carries 110 pods (the kubelet's maxPods), and 61 are there",
    );
    expect(hint).toBe('--clients 49 fits.');
  });

  it('is inotify instances for their sidecars, on each node', async () => {
    says('153');
    await clientsMustFit(clusterOf(110, 5), load, squid);
    says('152');
    const { message, hint } = await limitOf(clientsMustFit(clusterOf(110, 5), load, squid));
    expect(message).toMatch(/^51 sidecars need 153 inotify instances of one user, and the kernel gives 152 /);
    expect(hint).toMatch('sysctl fs.inotify.max_user_instances=512');
    await clientsMustFit(clusterOf(110, 5, 2), load, squid);
  });

  it('is files for Squid: what its process may have, or its configuration allows, whichever is less', async () => {
    const kube = clusterOf(110, 1);
    says('process 20000\nprocess 20000\n');
    expect(await squidMustHaveFiles(kube, squid, load)).toBe(20_000);
    says('process 20000\nconfigured 1064\n');
    expect(await squidMustHaveFiles(kube, squid, load)).toBe(1064);
    says('process 20000\nconfigured 1063\n');
    expect((await limitOf(squidMustHaveFiles(kube, squid, load))).message).toBe(
      "500 tunnels at once need about 1064 of Squid's file descriptors, and it may open 1063 (max_filedescriptors in its configuration)",
    );
    says('process 1024\nconfigured 0\n');
    expect((await limitOf(squidMustHaveFiles(kube, squid, load))).message).toMatch(
      "it may open 1024 (the open files its container's process may have)",
    );
    says('');
    expect(await squidMustHaveFiles(kube, squid, load)).toBe(Infinity);
  });

  it.each([
    '0/1 nodes are available: 1 Too many pods.',
    '0/1 nodes are available: 1 Insufficient memory.',
    'pod a Failed: OutOfmemory',
    'container istio-proxy of pod a keeps ending. It said: failed to start workload secret manager too many open files',
  ])('is named where the pods tell of it: %s', (said) => {
    expect(() => {
      mustNotBeTooMany(said);
    }).toThrow(EnvironmentError);
  });

  it('is not what other pods lack', () => {
    mustNotBeTooMany('container istio-proxy of pod a keeps ending: Error, exit code 1');
  });

  it('is a machine that has all of a wave open before the first closes', () => {
    mustHaveBeenAtOnce(load, 1, 500, 20);
    expect(() => {
      mustHaveBeenAtOnce(load, 2, 463, 20);
    }).toThrow('Wave 2 had at most 463 of 500 tunnels open at once, though each was held for 20 s');
  });
});
