import type { EvidenceFile } from './collector.ts';

/** In the order in which somebody who looks for the cause reads; within one of these, as they were collected. */
const readingOrder = [
  'failure.txt',
  'findings.json',
  'trips.txt',
  'trips.json',
  'pods.txt',
  'events.txt',
  'envoy/',
  'squid/',
  'istio/',
  'istioctl/',
  'objects/',
  'namespaces/',
  'node/',
  'images.json',
];

export function inReadingOrder(files: readonly EvidenceFile[]): EvidenceFile[] {
  const rank = ({ file }: EvidenceFile): number => {
    const index = readingOrder.findIndex((beginning) => file.startsWith(beginning));
    return index === -1 ? readingOrder.length : index;
  };
  return [...files].sort((a, b) => rank(a) - rank(b));
}

export function indexPage(title: string, when: Date, files: readonly EvidenceFile[]): string {
  const rows = files.map(({ file, what, problem }) =>
    problem === undefined
      ? `| [${cell(file)}](${encodeURI(file)}) | ${cell(what)} |  |`
      : `| ${cell(file)} | ${cell(what)} | ${cell(problem)} |`,
  );
  return [
    `# ${title}`,
    '',
    `Collected ${when.toISOString()}, before anything was undone. Private keys, tokens and credentials are removed.`,
    '',
    '| file | what it is | why it is not there |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

/** A problem may be a page of output: its beginning is enough for a table. */
function cell(text: string): string {
  const line = text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();
  return line.length > 300 ? `${line.slice(0, 300)} …` : line;
}
