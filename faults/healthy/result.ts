import { z } from 'zod';
import { cut, markdownTable } from '../../helpers/text-table.ts';
import { secondsSince, type Caught } from '../result.ts';

/** What the suite said of one healthy mesh; `healthy.json` is a list of these. */
export const healthyResult = z.object({
  id: z.string(),
  title: z.string().describe('what the mesh has'),
  green: z.boolean().describe('every step was judged and passed, and the run left the mesh as it found it'),
  step: z
    .string()
    .describe('the first step that failed; set-up or clean-up outside the steps; empty when green'),
  cause: z.string().describe('its first cause; empty when green'),
  seen: z.string().describe('what the first finding saw; empty when green'),
  notes: z
    .array(z.string())
    .describe('witnesses that spoke of the request from the mesh, and what was not judged'),
  seconds: z.number().describe('of the run, with making the mesh and undoing it'),
});

export const healthyResults = z.object({ meshes: z.array(healthyResult) });

export type HealthyResult = z.infer<typeof healthyResult>;

/**
 * @param alarm undefined when the suite was green
 * @param start when the mesh was begun, of performance.now()
 */
export function healthyResultOf(
  { id, title }: Pick<HealthyResult, 'id' | 'title'>,
  alarm: Caught | undefined,
  notes: readonly string[],
  start: number,
): HealthyResult {
  const { step, cause, seen } = alarm ?? { step: '', cause: '', seen: '' };
  const seconds = secondsSince(start);
  return { id, title, green: alarm === undefined, step, cause, seen, notes: [...notes], seconds };
}

/** `green: 34 of 36` */
export function greenOf(results: readonly HealthyResult[]): string {
  return `green: ${results.filter(({ green }) => green).length} of ${results.length}`;
}

/** The table, for docs/healthy.md. */
export function healthyPage(results: readonly HealthyResult[]): string {
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  return [
    '# Healthy meshes',
    '',
    'Made by `./conformance faults --healthy --table docs/healthy.md`: each ordinary configuration is put into a real mesh by',
    'itself, the whole suite runs in it as `./conformance run --kubeconfig` does (namespaces of its own, the document, the',
    'controls, the clean-up), and the configuration is taken out again. The document holds in each of these meshes, so a red',
    'is a false alarm. `UPGRADE-…` are upgrades that the gate must let go out, of a mesh of its own or of a user’s own mesh.',
    '[faults.md](faults.md) has the other half: broken meshes and upgrades that must be red.',
    '',
    `**${greenOf(results)}.** ${Math.round(seconds)} s in all.`,
    '',
    markdownTable(
      ['Mesh', 'What it has', 'Result', 'Notes', 's'],
      results.map(({ id, title, green, step, cause, seen, notes, seconds: took }) => {
        const result = green ? 'green' : `**red** at ${step}: ${cause}: ${seen}`;
        return [id, title, result, notes.join('; '), took.toFixed(1)];
      }),
      // What was seen may be a whole configuration.
      (text) => cut(text, 400).replaceAll('|', '\\|').replaceAll(/\s+/g, ' '),
    ),
    '',
  ].join('\n');
}
