import { basename } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Container } from 'dockerode';
import { containerEngine, logOf } from '../engine.ts';
import { given, json, type Collector } from './collector.ts';
import { endOf, logLimits } from './cut.ts';
import { textTable } from './table.ts';
import { tarFiles, type TarFile } from './tar-files.ts';

/** The node's container as the engine has it; for the failures that leave no API server to ask. */
export function nodeCollectors(containerId: string | undefined): Collector[] {
  if (containerId === undefined || containerId === '') return [];
  const container = async (): Promise<Container> =>
    (await containerEngine()).container.dockerode.getContainer(containerId);
  return [
    {
      file: 'node/container.log',
      what: "What the node's container printed; k3s prints all of its components' logs",
      collect: async () => {
        return endOf(await logOf(await container(), logLimits.lines + 1));
      },
    },
    {
      file: 'node/inspect.json',
      what: "The node's container as the engine describes it",
      collect: async () => ({ text: json(await (await container()).inspect()) }),
    },
    logFiles(container),
  ];
}

/** What a node printed whose container may be gone. */
export function keptNodeLog(log: string): Collector {
  return given(
    'node/last.log',
    'What the node printed last, kept as it came, since its container may be gone',
    () => log,
  );
}

/** Of k3s, containerd writes into a file; of the stand-in node, every component. */
const logPaths = ['/var/lib/rancher/k3s/agent/containerd/containerd.log', '/var/log/node'];

/** Copied out of the container as a tar: that works also when it does not run any more, or hangs. */
function logFiles(container: () => Promise<Container>): Collector {
  return {
    file: 'node/log-files.txt',
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
          file: `node/${basename(path)}`,
          what: `Log file ${path} of the node`,
          collect: () => Promise.resolve(endOf(text)),
        })),
      };
    },
  };
}

async function filesAt(node: Container, path: string): Promise<TarFile[]> {
  let tar: Buffer;
  try {
    tar = await buffer(await node.getArchive({ path }));
  } catch (error) {
    // Another kind of node.
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return [];
    throw error;
  }
  return tarFiles(tar);
}
