import semver from 'semver';
import { failed, inGroup, ok, warning, type Finding } from './check.ts';
import type { EngineFacts } from './engine-facts.ts';

/** Docker 20.10 and Podman 4: the first API by which a container may have the host's cgroup namespace, as the node must. */
export const minimumApi = '1.41';
/** From this version on Kubernetes refuses cgroup v1 unless kubelet allows it. */
const refusesCgroupV1 = '1.35.0';

const prepare = 'On Debian and Ubuntu, `scripts/prepare-host engine` (as root) sets up an engine that works.';

export const engineChecks = inGroup('Container engine', {
  engine: {
    quick: true,
    look: async ({ engine }) => engineFinding(await engine()),
  },
  privileged: {
    needsEngine: true,
    look: async ({ container, set }) => {
      try {
        const facts = await container();
        if (facts === undefined)
          return ok(
            `not tried: the engine runs elsewhere and has no image of the ${(await set()).source} set yet`,
          );
        return privilegedFinding(facts.capabilities, facts.from);
      } catch (error) {
        const { source } = await set();
        return notStarted(error, source);
      }
    },
  },
  capability: {
    needsEngine: true,
    look: async ({ container, set }) => {
      const facts = await container().catch(() => undefined);
      // The check `privileged` says what to do about it.
      if (facts === undefined)
        return warning('not checked: this needs a privileged container (see privileged)', '');
      return capabilityFinding(facts.capabilities, (await set()).source);
    },
  },
  cgroups: {
    quick: true,
    needsEngine: true,
    look: async ({ engine, quick, set, versions, asked }) =>
      cgroupFinding(await engine(), {
        // Which set it will be takes asking registries.
        published: quick ? /^(registry|mirror=)/.test(asked.images) : (await set()).source === 'registry',
        kubernetes: versions.kubernetes,
      }),
  },
});

export function engineFinding(
  facts: Pick<EngineFacts, 'product' | 'version' | 'api' | 'address' | 'rootless' | 'architecture' | 'info'>,
): Finding {
  const { product, version, api, address, rootless, architecture, info } = facts;
  const named = `${product} ${version}${rootless ? ', rootless,' : ''} at ${address} (${info.OperatingSystem}, ${architecture})`;
  if (semver.lt(semver.coerce(api) ?? '0.0.0', semver.coerce(minimumApi) ?? '0.0.0')) {
    return failed(
      `${named} speaks API ${api}; the cluster's node needs ${minimumApi}`,
      'Update the engine: the node needs Docker 20.10, Podman 4 or newer.',
    );
  }
  if (rootless) {
    return warning(
      `${named}: rootless engines are untested`,
      'Use cgroup v2 with all controllers delegated to your user, or an engine that runs as root.',
    );
  }
  return ok(named);
}

const capabilities = { NET_ADMIN: 12n, SYS_ADMIN: 21n, SYS_RESOURCE: 24n } as const;
const has = (mask: bigint, name: keyof typeof capabilities): boolean =>
  ((mask >> capabilities[name]) & 1n) === 1n;

/** @param mask What a container that was started as privileged may do */
export function privilegedFinding(mask: bigint, from: string): Finding {
  const missing = (['NET_ADMIN', 'SYS_ADMIN'] as const).filter((name) => !has(mask, name));
  if (missing.length === 0) return ok(`a privileged container starts (tried with ${from})`);
  return failed(
    `A container started as privileged lacks ${missing.map((name) => `CAP_${name}`).join(' and ')}: the node cannot run in it`,
    'A policy, an authorization plugin or a sandboxing runtime removes the privilege: use an engine without it.',
    'NODE_NOT_READY',
  );
}

function notStarted(error: unknown, source: string): Finding {
  const said = error instanceof Error ? error.message : String(error);
  const hint = /apply caps|operation not permitted/i.test(said)
    ? `This machine's root lacks capabilities that a privileged container needs. ${prepare}`
    : `See why with: docker run --rm --privileged IMAGE true (IMAGE: one of ./conformance images list --images ${source}).`;
  return failed(`A privileged container cannot be started: ${said}`, hint, 'NODE_NOT_READY');
}

/** Kubelet and runc lower the out-of-memory score and raise limits, which takes CAP_SYS_RESOURCE. */
export function capabilityFinding(mask: bigint, source: 'registry' | 'source'): Finding {
  if (has(mask, 'SYS_RESOURCE')) return ok('a privileged container has CAP_SYS_RESOURCE');
  if (source === 'source') {
    return ok('a privileged container lacks CAP_SYS_RESOURCE; the node of the source set does not need it');
  }
  return warning(
    'A privileged container lacks CAP_SYS_RESOURCE: k3s sets out-of-memory scores and limits with it, and may not start',
    'Use a machine whose root has it, or --images source: its node does not need it.',
  );
}

export function cgroupFinding(
  { info, rootless }: Pick<EngineFacts, 'info' | 'rootless'>,
  { published, kubernetes }: { readonly published: boolean; readonly kubernetes: string },
): Finding {
  const version = info.CgroupVersion === '' ? '1' : info.CgroupVersion;
  const missing = Object.entries({ memory: info.MemoryLimit, pids: info.PidsLimit, cpuset: info.CPUSet })
    .filter(([, there]) => there === false)
    .map(([controller]) => controller);
  if (missing.length > 0) {
    return failed(
      `The engine's machine has no cgroup controller ${missing.join(', ')}; kubelet does not start without`,
      'Switch it on at boot (e.g. cgroup_enable=memory cgroup_memory=1 on the kernel command line), or delegate it to the engine.',
      'NODE_NOT_READY',
    );
  }
  if (version !== '2' && rootless) {
    return failed(
      'cgroup v1 with a rootless engine: the node gets no cgroups of its own',
      'Switch the machine to cgroup v2, or use an engine that runs as root.',
      'NODE_NOT_READY',
    );
  }
  if (version !== '2' && published && semver.gte(kubernetes, refusesCgroupV1)) {
    return warning(
      `cgroup v1: Kubernetes ${kubernetes} refuses it unless kubelet's failCgroupV1 is false`,
      'Switch the machine to cgroup v2 (systemd.unified_cgroup_hierarchy=1), or take a Kubernetes before 1.35 (--k8s).',
    );
  }
  return ok(`cgroup v${version} (${info.CgroupDriver || 'unknown driver'}), with memory, pids and cpuset`);
}
