import { messageOf } from '../helpers/errors.ts';
import { containerEngine, engineIsHere } from '../helpers/engine.ts';
import { runCheckout } from './checkout.ts';
import { identified, type Fault, type FaultEntry, type RunFault } from './fault.ts';
import type { FaultReporter } from './reporter.ts';
import { faultResultOf, type FaultResult } from './result.ts';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { execa } from 'execa';

/** Faults of the machine that a pass on the shared cluster meets. */
export const clusterFaults: readonly Fault[] = identified<FaultEntry>({
  'IMAGE-NOT-PULLED': {
    title: 'An image cannot be pulled',
    expect: { step: 'PROXY-5', cause: 'IMAGE_NOT_PULLED' },
    before: 'PROXY-5',
    inject: (rig) => {
      rig.alterClient('external', (text) => text.replace('${CURL_IMAGE}', 'localhost/no/such-image:0'));
    },
  },
  'CLUSTER-DIES': {
    title: 'The cluster dies in the middle',
    expect: { step: 'MESH-2', cause: 'CLUSTER_LOST' },
    before: 'MESH-2',
    fatal: true,
    inject: async ({ world }) => {
      const { container } = await containerEngine();
      await container.dockerode.getContainer(world.session.cluster.containerId ?? '').kill();
    },
  },
});

const run = ['run', '--target', 'hermetic'];

/** Faults that keep a run from having a cluster at all. */
export const runFaults: readonly RunFault[] = identified<Omit<RunFault, 'id'>>({
  'REGISTRY-LIMIT': {
    title: 'The registry answers 429: too many pulls',
    expect: { step: 'set-up', cause: 'REGISTRY_LIMIT' },
    impossible: engineElsewhere,
    run: async () => {
      await using registry = await limitedRegistry();
      return await runCheckout({
        args: [...run, '--images', 'registry'],
        edits: { 'fixtures/versions.yaml': (text) => text.replaceAll('docker.io/', `${registry.host}/`) },
      });
    },
  },
  'DISK-FULL': {
    title: 'The cache is on a disk with 1 MB left',
    expect: { step: 'set-up', cause: 'DISK_FULL' },
    impossible: smallDiskImpossible,
    run: () => runCheckout({ args: run, prefix: onSmallDisk }),
  },
});

/** Tries faults that need no cluster, one after the other; each is a run of its own. */
export async function runAlone(faults: readonly RunFault[], reporter: FaultReporter): Promise<void> {
  for (const fault of faults) {
    try {
      const impossible = await fault.impossible();
      if (impossible === undefined) reporter.add(await resultOf(fault));
      else reporter.notJudged(fault.id, impossible);
    } catch (error) {
      reporter.notJudged(fault.id, messageOf(error));
    }
  }
}

async function resultOf(fault: RunFault): Promise<FaultResult> {
  const start = performance.now();
  await using ended = await fault.run();
  const { exitCode, results, stderr } = ended;
  // A run that got as far as its steps was not stopped where it should have been.
  const failed = results?.steps.find(({ status }) => status === 'failed');
  const caught =
    exitCode === 0
      ? undefined
      : {
          step: failed?.id ?? fault.expect.step,
          cause: results?.cause ?? '',
          seen: results?.reason ?? stderr,
        };
  return faultResultOf(fault, caught, 'no cluster', start);
}

/** Why the engine has another loopback than this process; undefined when it is the same. */
async function engineElsewhere(): Promise<string | undefined> {
  if (await engineIsHere()) return undefined;
  return 'the engine is on another machine, which has a loopback of its own';
}

interface LimitedRegistry extends AsyncDisposable {
  /** As image references name it, e.g. `127.0.0.1:5000`; engines take a registry there without TLS. */
  readonly host: string;
}

/**
 * A registry on this machine that answers /v2/ and refuses every image, as Docker Hub does at its limit.
 * @param options.greeting The status of /v2/
 */
export async function limitedRegistry({ greeting = 200 } = {}): Promise<LimitedRegistry> {
  const server = createServer((request, response) => {
    const greets = request.url === '/v2/';
    response.writeHead(greets ? greeting : 429, {
      'content-type': 'application/json',
      'docker-distribution-api-version': 'registry/2.0',
    });
    const message = 'You have reached your unauthenticated pull rate limit.';
    response.end(JSON.stringify(greets ? {} : { errors: [{ code: 'TOOMANYREQUESTS', message }] }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/**
 * A prefix that runs a command after a script, both in a mount namespace of their own: the script's mounts end with them.
 * @param script For `sh -e`, as root; other users become root of a user namespace
 * @param options.user Use a user namespace also for root, with its own limits (/proc/sys/user)
 */
export function unshared(script: string, options: { readonly user?: boolean } = {}): [string, ...string[]] {
  const mapped = options.user === true || process.getuid?.() !== 0;
  const flags = mapped ? ['--user', '--map-root-user', '--mount'] : ['--mount'];
  return ['unshare', ...flags, 'sh', '-ec', `${script}\nexec "$@"`, 'sh'];
}

/** Why this prefix does not work on this machine; undefined when it does. */
export async function prefixImpossible(prefix: readonly string[]): Promise<string | undefined> {
  const [command = '', ...args] = prefix;
  const { failed, shortMessage, stderr } = await execa(command, [...args, 'true'], {
    reject: false,
    stdin: 'ignore',
  });
  return failed ? `${command} does not do this here: ${stderr === '' ? shortMessage : stderr}` : undefined;
}

/** A prefix that runs a command with its cache folder on a disk of 1 MB, mounted in the current folder. */
export const onSmallDisk = unshared(`
mkdir -p small-disk
mount -t tmpfs -o size=1m tmpfs small-disk
export CONFORMANCE_CACHE_DIR="$PWD/small-disk"`);

/** Why such a disk is impossible on this machine; undefined when it is possible. */
export function smallDiskImpossible(): Promise<string | undefined> {
  return prefixImpossible(unshared('mount -t tmpfs -o size=1m tmpfs /mnt'));
}
