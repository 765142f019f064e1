import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '../errors.ts';
import { redact } from '../redact/redact.ts';
import { cut, markdownTable } from '../text-table.ts';
import { timeouts } from '../timeouts.ts';
import { runCollectors, type CollectionLimits, type Collector, type EvidenceFile } from './collector.ts';
import type { NodeAt } from './collect.node.ts';
import { collectorsOf, inReadingOrder, type EvidenceRequest } from './collectors.ts';
import { openSource } from './source.ts';
import { json } from './texts.ts';

export type { EvidenceFile } from './collector.ts';
export type { EvidenceRequest } from './collectors.ts';

/** Keeps two cores busy without a storm on an API server that may be what is in trouble. */
const concurrency = 8;
/** For one file: the slowest, istioctl's, take 2 s on two cores. */
const eachMs = 20_000;

/**
 * Collects what people need to understand a failed step later, into one folder with an index. Call it before anything
 * is undone.
 *
 * Never throws, and takes no longer than `timeoutMs`: the index says why a file is missing.
 */
export async function collectEvidence(
  request: EvidenceRequest,
  timeoutMs: number = timeouts.evidence,
): Promise<readonly EvidenceFile[]> {
  const limits = { concurrency, timeoutMs, eachMs: Math.min(eachMs, timeoutMs) };
  const collectors = [
    ...collectorsOf('failure', request),
    ...nodesOf(request).flatMap((node) => collectorsOf('node', node)),
    clusterCollector(request, limits),
  ];
  const started = new Date();
  const write = (file: string, text: string): Promise<void> => writeRedacted(request.folder, file, text);
  const collected = await runCollectors(collectors, write, limits);
  // The caller gets the rows as well, and an error message may quote a secret.
  const rows = collected.map((row) =>
    row.problem === undefined ? row : { ...row, problem: redact(row.problem) },
  );
  return withIndex(request.title, started, inReadingOrder(rows), write);
}

/** The containers of its nodes; none of an existing cluster. */
function nodesOf({ containerId, cluster }: EvidenceRequest): NodeAt[] {
  const first = containerId ?? cluster?.containerId ?? '';
  const agents = cluster?.agents ?? [];
  return [
    ...(first === '' ? [] : [{ containerId: first, folder: 'node' }]),
    ...agents.map((agent) => ({ containerId: agent.containerId, folder: `node/${agent.name}` })),
  ];
}

/** Every file of the bundle passes here, and so through redact. */
async function writeRedacted(folder: string, file: string, text: string): Promise<void> {
  const path = join(folder, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, redact(text));
}

/** Asks whether the API server answers, and leads to everything that is asked of it. */
function clusterCollector(
  { cluster, images, proxy, namespaces }: EvidenceRequest,
  limits: CollectionLimits,
): Collector {
  return {
    file: 'objects/version.json',
    what: "The API server's version; all objects, events, logs and Envoy's configuration are asked of it",
    collect: async (signal) => {
      if (cluster === undefined) throw new Error('there is no cluster');
      const source = await openSource({ cluster, images, proxy, namespaces }, limits.eachMs);
      return { text: await source.api.get('/version', signal), more: collectorsOf('cluster', source) };
    },
  };
}

async function withIndex(
  title: string,
  when: Date,
  files: readonly EvidenceFile[],
  write: (file: string, text: string) => Promise<void>,
): Promise<readonly EvidenceFile[]> {
  const rows: EvidenceFile[] = [...files];
  for (const [file, what, text] of [
    ['index.md', 'This index', indexPage(title, when, files)],
    ['index.json', 'The index as data', json({ title, when: when.toISOString(), files })],
  ] as const) {
    try {
      await write(file, text);
    } catch (error) {
      rows.push({ file, what, problem: messageOf(error) });
    }
  }
  return rows;
}

export function indexPage(title: string, when: Date, files: readonly EvidenceFile[]): string {
  const rows = files.map(({ file, what, problem }) => {
    const name = problem === undefined ? `[${cell(file)}](${encodeURI(file)})` : cell(file);
    return [name, cell(what), cell(problem ?? '')];
  });
  return [
    `# ${title}`,
    '',
    `Collected ${when.toISOString()}, before anything was undone. Private keys, tokens and credentials are removed.`,
    '',
    markdownTable(['file', 'what it is', 'why it is not there'], rows, (text) => text),
    '',
  ].join('\n');
}

/** A problem may be a page of output: its beginning is enough for a table. */
function cell(text: string): string {
  return cut(text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim(), 300);
}
