import { parse } from 'yaml';
import { z } from 'zod';
import { attempt, EnvironmentError, thrownAs } from '../errors.ts';
import type { GitHub } from '../github.ts';
import type { SupportEnd } from '../images/versions.ts';

/** What Istio's page of supported releases is made from: a row for each minor version. */
const path = '/repos/istio/istio.io/contents/data/compatibility/supportStatus.yml';

/** What Istio says of one of its minor versions. */
export interface SupportStatus {
  /** Minor versions of Kubernetes that it is supported on. */
  readonly kubernetes: readonly string[];
  /** Undefined where the row has no date, or one that is not understood. */
  readonly ends: SupportEnd | undefined;
}

const answer = z.object({ content: z.string(), html_url: z.url() });
const rows = z.array(
  z.object({ version: z.string(), eolDate: z.string().nullish(), k8sVersions: z.array(z.string()).min(1) }),
);

/**
 * Asks for the row of a minor version. Undefined where there is none, which is so in the first days of a new one.
 * @throws EnvironmentError when GitHub does not answer, refuses, or answers something else
 */
export async function supportStatusOf(minor: string, github: GitHub): Promise<SupportStatus | undefined> {
  const { url, status, json } = await github.ask('GET', path, { accept: [404] });
  if (status === 404) return undefined;
  const unknown = thrownAs(
    EnvironmentError,
    `${url} answered what is no table of supported releases`,
    'Look at what it answers with curl: the file may have moved.',
  );
  return attempt(() => {
    const { content, html_url: source } = answer.parse(json);
    const table = rows.parse(parse(Buffer.from(content, 'base64').toString()));
    const row = table.find(({ version }) => version === minor);
    return row && { kubernetes: row.k8sVersions, ends: endIn(row.eolDate ?? '', source) };
  }, unknown);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Jul 1, 2026`, `April 7, 2026`, `~Nov 2026 (Expected)`. */
function endIn(text: string, source: string): SupportEnd | undefined {
  const [, name, day, year] = /^~?([A-Z][a-z]{2})[a-z]* (?:(\d{1,2}), )?(\d{4})\b/.exec(text) ?? [];
  const month = months.indexOf(name ?? '') + 1;
  if (month === 0 || year === undefined) return undefined;
  const parts = [year, String(month).padStart(2, '0'), ...(day === undefined ? [] : [day.padStart(2, '0')])];
  return {
    on: parts.join('-'),
    source,
    ...(/expected/i.test(text) || text.startsWith('~') ? { expected: true as const } : {}),
  };
}
