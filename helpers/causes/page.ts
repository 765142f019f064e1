import type { Cause, CauseFamily } from './cause.ts';
import { causes } from './causes.ts';

const families: Readonly<Record<CauseFamily, string>> = {
  mesh: 'The mesh’s configuration',
  sidecar: 'The sidecar',
  proxy: 'The external proxy',
  destination: 'The destination',
  client: 'The client',
  upgrade: 'The upgrade',
  'clean-up': 'The clean-up',
  environment: 'The environment (exit code 3, never 1)',
};

/** docs/causes.md: every cause that a failed step can have, grouped by who has to look at it. */
export function causesPage(): string {
  const all: readonly [string, Cause][] = Object.entries(causes);
  const lines = [
    '# Causes',
    '',
    'Generated from `helpers/causes/*.ts` (`npm run generate`). A failed step carries one or more of these codes,',
    'the most specific first, each with what was seen this time; or `UNEXPLAINED`, with everything that is known.',
    '',
  ];
  for (const [family, heading] of Object.entries(families)) {
    lines.push(`## ${heading}`, '');
    for (const [code, cause] of all) {
      if (cause.family !== family) continue;
      lines.push(
        `### ${code}`,
        '',
        `${cause.title}.`,
        '',
        `- Seen: ${cause.seen}`,
        `- Expected: ${cause.expected}`,
        `- Why: ${cause.why}`,
        `- What to do: ${cause.do}`,
        `- Source: ${cause.source}`,
        '',
      );
    }
  }
  return lines.map(escaped).join('\n');
}

function escaped(line: string): string {
  return line.replaceAll('<', '&lt;');
}
