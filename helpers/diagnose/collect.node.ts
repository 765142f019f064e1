import { basename } from 'node:path';
import { Readable } from 'node:stream';
import type { Container } from 'dockerode';
import { apiRefusal, containerEngine, logOf } from '../engine.ts';
import { tarFiles, type TarFile } from '../images/tar-entries.ts';
import { textTable } from '../text-table.ts';
import type { Collector } from './collector.ts';
import { endOf, json, logLimits } from './texts.ts';

/** A node's container, and the folder of the bundle that its files go to. */
export interface NodeAt {
  readonly containerId: string;
  readonly folder: string;
}

/** The node's container as the engine has it: the only evidence when no API server answers. */
export function nodeCollectors({ containerId, folder }: NodeAt): Collector[] {
  const container = async (): Promise<Container> =>
    (await containerEngine()).container.dockerode.getContainer(containerId);
  return [
    {
      file: `${folder}/container.log`,
      what: "What the node's container printed; k3s prints all of its components' logs",
      collect: async () => {
        return endOf(await logOf(await container(), logLimits.lines + 1));
      },
    },
    {
      file: `${folder}/inspect.json`,
      what: "The node's container as the engine describes it",
      collect: async () => ({ text: json(await (await container()).inspect()) }),
    },
    logFiles(container, folder),
  ];
}

/** Of k3s, containerd writes into a file; of the stand-in node, every component. */
const logPaths = ['/var/lib/rancher/k3s/agent/containerd/containerd.log', '/var/log/node'];

/** Copied out of the container as a tar: that also works when the container has ended, or hangs. */
function logFiles(container: () => Promise<Container>, folder: string): Collector {
  return {
    file: `${folder}/log-files.txt`,
    what: 'Log files in the node',
    collect: async () => {
      const node = await container();
      const files = (await Promise.all(logPaths.map((path) => filesAt(node, path)))).flat();
      if (files.length === 0) return undefined;
      return {
        text: textTable(
          ['FILE', 'BYTES'],
          files.map(({ path, text }) => [path, String(text.length)]),
        ),
        more: files.map(({ path, text }) => ({
          file: `${folder}/${basename(path)}`,
          what: `Log file ${path} of the node`,
          collect: () => Promise.resolve(endOf(text)),
        })),
      };
    },
  };
}

async function filesAt(node: Container, path: string): Promise<TarFile[]> {
  try {
    return await tarFiles(Readable.from(await node.getArchive({ path })));
  } catch (error) {
    // Another kind of node.
    if (apiRefusal.status(error) === 404) return [];
    throw error;
  }
}
