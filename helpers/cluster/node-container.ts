import { K3sContainer } from '@testcontainers/k3s';
import type Dockerode from 'dockerode';
import { GenericContainer, Wait } from 'testcontainers';

/** Where k3s imports archives of images from at its start; the stand-in node does the same. */
export const imagesFolder = '/var/lib/rancher/k3s/agent/images';

/** A file or folder, and where the node has it: read-only. */
export interface Mount {
  readonly source: string;
  readonly target: string;
}

export interface NodeRequest {
  readonly image: string;
  /** What the image runs, e.g. ["/bin/k3s"]. */
  readonly entrypoint: readonly string[];
  /** Where this process reaches the engine's ports. */
  readonly host: string;
  /** The engine's machine has one hierarchy of cgroups (v2). */
  readonly oneHierarchy: boolean;
  /** The address of the run's network that pods can reach and no container has: its gateway. */
  readonly gateway: string | undefined;
  /** What the node sees of the engine's machine. */
  readonly mounts: readonly Mount[];
  /** Files of this machine that are copied into the node. */
  readonly copies: readonly Mount[];
  /** In a cluster of several nodes. */
  readonly member?: Member;
}

/** One of several nodes. */
export interface Member {
  readonly name: string;
  /** What an agent proves itself to the server with. */
  readonly token: string;
}

/**
 * On a network of its own a container asks the engine's resolver at 127.0.0.11, which exists inside that container alone.
 * k3s gives no loopback address to pods: it writes `nameserver 8.8.8.8` instead (pkg/agent/config, locateOrGenerateResolvConf),
 * and a company's network refuses that. So what pods send to port 53 of the network's gateway goes to the engine's resolver.
 * k3d does much the same with the same image (K3D_FIX_DNS). Its tools are those of the rancher/k3s image: sh, sed, iptables.
 */
const reachableResolver = `
listening() { sed -n "s/^ *[0-9]*: 0B00007F:\\([0-9A-F]*\\) 00000000:0000 $2 .*/\\1/p" "/proc/net/$1" | sed -n 1p; }
redirect() { iptables -t nat -A PREROUTING -d "$NODE_RESOLVER" -p "$1" --dport 53 -j DNAT --to-destination "127.0.0.11:$2"; }
if [ -n "$NODE_RESOLVER" ] && grep -q '^nameserver 127[.]0[.]0[.]11' /etc/resolv.conf; then
  if redirect udp "$(printf %d "0x$(listening udp 07)")" && redirect tcp "$(printf %d "0x$(listening tcp 0A)")" &&
    echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet; then
    sed "s/^nameserver .*/nameserver $NODE_RESOLVER/" /etc/resolv.conf >/run/resolv.conf
    set -- "$@" --resolv-conf=/run/resolv.conf
  else
    echo "node: pods cannot ask the engine's resolver"
  fi
fi
exec "$0" "$@"
`;

/** A full disk is the user's: the kubelet must not evict the pods under test, nor remove their images. k3s evicts at 5 % free. */
export const kubeletArguments = [
  '--kubelet-arg=eviction-hard=nodefs.available<0%,imagefs.available<0%',
  '--kubelet-arg=image-gc-high-threshold=100',
];

/** At its start it makes a service account for each of its controllers: 20 requests a second would take seconds. */
export const controllerArguments = ['kube-api-qps=200', 'kube-api-burst=400'].map(
  (argument) => `--kube-controller-manager-arg=${argument}`,
);

/** testcontainers' K3s module, started so that it is ready on every engine. */
export class NodeContainer extends K3sContainer {
  constructor(request: NodeRequest) {
    super(request.image);
    prepare(this, this.hostConfig, request);
    this.withCommand([
      'server',
      '--disable=traefik',
      '--disable=metrics-server',
      '--disable=servicelb',
      '--disable=local-storage',
      // The engine's host may be an address that k3s does not know as its own, e.g. the bridge's gateway.
      `--tls-san=${request.host}`,
      ...kubeletArguments,
      ...controllerArguments,
    ]);
    // k3s may say that the node is synchronised while it still imports: its watcher does not count the archive in progress.
    this.withWaitStrategy(
      Wait.forAll([Wait.forLogMessage('Node controller sync successful'), ...imported(request)]),
    );
  }
}

/** A further node of a server on the same network. It is started when its images are there; the API server knows when it is ready. */
export class AgentContainer extends GenericContainer {
  /** @param server Name of the server's container on the network */
  constructor(request: NodeRequest, server: string) {
    super(request.image);
    // As the module has the first node.
    Object.assign(this.hostConfig, { CgroupnsMode: 'host' });
    this.withPrivilegedMode()
      .withBindMounts([{ source: '/sys/fs/cgroup', target: '/sys/fs/cgroup' }])
      .withTmpFs({ '/run': 'rw', '/var/run': 'rw' });
    prepare(this, this.hostConfig, request);
    this.withEnvironment({ K3S_URL: `https://${server}:6443` }).withCommand(['agent', ...kubeletArguments]);
    const waits = imported(request);
    if (waits.length > 0) this.withWaitStrategy(Wait.forAll(waits));
  }
}

/** What every node is started with, whatever its part. */
function prepare(
  container: GenericContainer,
  hostConfig: Dockerode.HostConfig,
  { entrypoint, oneHierarchy, gateway, mounts, copies, member }: NodeRequest,
): void {
  if (oneHierarchy) {
    // The module shows the node the machine's own cgroups. On v2 pods never become ready that way where the engine is in a
    // virtual machine (Colima, OrbStack) or is Podman, and two nodes would share one /kubepods.
    Object.assign(hostConfig, { CgroupnsMode: 'private', Binds: [] });
  }
  // Unlike a bind of the short form, a mount fails where its source is missing; that one makes an empty folder.
  hostConfig.Mounts = mounts.map(({ source, target }) => ({
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: true,
  }));
  container
    .withCopyFilesToContainer([...copies])
    .withEntrypoint(['/bin/sh', '-c', reachableResolver, ...entrypoint])
    .withEnvironment({
      ...(gateway === undefined ? {} : { NODE_RESOLVER: gateway }),
      ...(member === undefined ? {} : { K3S_NODE_NAME: member.name, K3S_TOKEN: member.token }),
    });
}

/** Waits until k3s has dealt with each archive. */
function imported({ mounts, copies }: NodeRequest): ReturnType<typeof Wait.forLogMessage>[] {
  return [...mounts, ...copies]
    .filter(({ target }) => target.startsWith(`${imagesFolder}/`))
    .map(({ target }) => Wait.forLogMessage(importEnded(target)));
}

/** What k3s prints when it has dealt with an archive, well or badly (pkg/agent/containerd). */
function importEnded(archive: string): RegExp {
  return new RegExp(`(?:Imported images from|${notImported.source}) ${archive.replaceAll('.', '\\.')}`);
}

/** What the log of a ready node says is not as docs/k3s-contract.md has it; for people, who would meet a later symptom. */
export function brokenPromises(log: readonly string[]): string[] {
  const elsewhere = log.some((line) => /cannot ask the engine's resolver|nameserver 8\.8\.8\.8$/.test(line));
  if (!elsewhere) return [];
  return [
    "pods ask 8.8.8.8 for names and not the engine's resolver, which a company's network may refuse (docs/k3s-contract.md, `resolver`)",
  ];
}

const notImported = /[Ff]ailed to import|Error encountered while importing/;

/** @returns the line in which k3s says that it could not import an archive */
export function importFailure(log: readonly string[]): string | undefined {
  return log.find((line) => notImported.test(line) && line.includes(imagesFolder));
}
