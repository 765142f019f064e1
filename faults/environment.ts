import { messageOf } from '../helpers/errors.ts';
import { containerEngine } from '../helpers/engine.ts';
import { runCheckout } from './checkout.ts';
import type { Fault, RunFault } from './fault.ts';
import type { FaultReporter } from './reporter.ts';
import { faultResultOf, type FaultResult } from './result.ts';
import { limitedRegistry, onSmallDisk, smallDiskImpossible } from './machine.ts';

/** Faults of the machine that a pass on the shared cluster meets. */
export const clusterFaults: readonly Fault[] = [
  {
    id: 'IMAGE-NOT-PULLED',
    title: 'An image cannot be pulled',
    expect: { step: 'PROXY-5', cause: 'IMAGE_NOT_PULLED' },
    before: 'PROXY-5',
    inject: (rig) => {
      rig.alterClient('external', (text) => text.replace('${CURL_IMAGE}', 'localhost/no/such-image:0'));
    },
  },
  {
    id: 'CLUSTER-DIES',
    title: 'The cluster dies in the middle',
    expect: { step: 'MESH-2', cause: 'CLUSTER_LOST' },
    before: 'MESH-2',
    fatal: true,
    inject: async ({ world }) => {
      const { container } = await containerEngine();
      await container.dockerode.getContainer(world.session.cluster.containerId ?? '').kill();
    },
  },
];

const run = ['run', '--target', 'hermetic'];

/** Faults that keep a run from having a cluster at all. */
export const runFaults: readonly RunFault[] = [
  {
    id: 'REGISTRY-LIMIT',
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
  {
    id: 'DISK-FULL',
    title: 'The cache is on a disk with 1 MB left',
    expect: { step: 'set-up', cause: 'DISK_FULL' },
    impossible: smallDiskImpossible,
    run: () => runCheckout({ args: run, prefix: onSmallDisk }),
  },
];

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
  const { container, info } = await containerEngine();
  const { socketPath } = container.dockerode.modem as { readonly socketPath?: string };
  const { operatingSystem } = info.containerRuntime;
  const here =
    socketPath !== undefined && process.platform === 'linux' && !operatingSystem.includes('Desktop');
  return here ? undefined : 'the engine is on another machine, which has a loopback of its own';
}
