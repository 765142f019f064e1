import { randomBytes } from 'node:crypto';
import type { GenericContainer } from 'testcontainers';
import { dockerode } from '../engine.ts';
import { EnvironmentError, messageOf } from '../errors.ts';
import { eventually, Hopeless } from '../eventually/eventually.ts';
import { connect } from '../kube/client.ts';
import { schedulable } from '../kube/nodes.ts';
import { keepSecret } from '../redact/redact.ts';
import { timeouts } from '../timeouts.ts';
import type { Agent } from './cluster.ts';
import { AgentContainer, type Member, type NodeRequest } from './node-container.ts';

/** Carries what the node printed: its container, and the engine's log of it, may be gone by then. */
export class NodeNotReadyError extends EnvironmentError {
  readonly log: string;

  /** @param which Of several nodes, the one */
  constructor(image: string, log: readonly string[], cause: unknown, which = '') {
    const lastLines = log.length === 0 ? '' : `\n${log.slice(-15).join('\n')}\n`;
    super(
      `The cluster's node ${which === '' ? '' : `${which} `}(${image}) did not become ready: ${messageOf(cause)}${lastLines}`,
      'The last lines of its log are above. Common causes: privileged containers are not allowed, too little memory, too few inotify instances.',
      { cause, code: 'NODE_NOT_READY' },
    );
    this.log = log.map((line) => `${line}\n`).join('');
  }
}

/** Gives a node's container what all containers of the run have, and has `log` take what it prints. */
export type Dress = <T extends GenericContainer>(container: T, log: string[]) => T;

/** The nodes of a cluster, the server first; a single one has no name of its own, and no secret. */
export function membersOf(nodes: number): { readonly member?: Member }[] {
  if (nodes === 1) return [{}];
  const token = randomBytes(16).toString('hex');
  // The engine shows it in each container's environment, which is evidence.
  keepSecret([token]);
  return Array.from({ length: nodes }, (_, index) => ({
    member: { name: index === 0 ? 'server' : `agent-${index}`, token },
  }));
}

/**
 * Starts further nodes beside a server that is ready.
 * @returns their containers, when the API server says that they are ready
 * @throws NodeNotReadyError naming the node
 */
export async function startAgents(
  members: readonly { readonly member?: Member }[],
  request: {
    readonly node: NodeRequest;
    /** Name of the server's container on the network. */
    readonly server: string;
    readonly kubeconfig: string;
    readonly dress: Dress;
    readonly report: (detail: string) => void;
  },
): Promise<Agent[]> {
  if (members.length === 0) return [];
  const { node, server, kubeconfig, dress, report } = request;
  report(`waiting for ${members.length} more`);
  const kube = connect(kubeconfig);
  return Promise.all(
    members.map(async ({ member }) => {
      const name = member?.name ?? '';
      const log: string[] = [];
      try {
        const agent = new AgentContainer({ ...node, ...(member === undefined ? {} : { member }) }, server);
        // With an alias testcontainers attaches it to the engine's own network besides, as it does the server.
        const started = await dress(agent.withNetworkAliases(name), log).start();
        const container = (await dockerode()).getContainer(started.getId());
        await eventually(
          `node ${name} to be ready`,
          async () => {
            const { names, leftOut } = schedulable((await kube.core.listNode()).items);
            if (names.includes(name)) return;
            if (!(await container.inspect()).State.Running) throw new Hopeless('its container ended');
            throw new Error(leftOut.find((reason) => reason.startsWith(`${name}:`)) ?? 'it has not joined');
          },
          { timeoutMs: timeouts.clusterReady, intervalMs: 200 },
        );
        return { name, containerId: started.getId() };
      } catch (error) {
        throw new NodeNotReadyError(node.image, log, error, name);
      }
    }),
  );
}
