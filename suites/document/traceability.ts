import type { Edition } from '../../helpers/document/edition.ts';
import { documentStepsOf } from '../steps.ts';
import type { Step } from './step.ts';

/** Name of the file in docs/ that has an edition's table. */
export function traceabilityFile({ name }: Edition): string {
  return name === '2018-zh' ? 'traceability.md' : `traceability-${name}.md`;
}

/** Markdown table: the document's sections and commands, and the steps that carry them out and judge them. */
export function traceability(edition: Edition, controls: readonly Step[]): string {
  const lines = [
    '# Which step checks which part of the document',
    '',
    "Generated from the steps (`npm run generate`). The commands are the document's, word for word; a unit test",
    'fails when a section has no step, or when a command of the document is carried out by none.',
    '',
    ...(edition.note === undefined ? [] : [edition.note, '']),
  ];
  for (const [slug, heading] of Object.entries(edition.sections)) {
    lines.push(
      `## ${slug} (${heading})`,
      '',
      '| Step | What it claims | The document says |',
      '| --- | --- | --- |',
    );
    for (const { id, section, title, commands = [], claims = [] } of documentStepsOf(edition)) {
      if (section !== slug) continue;
      const quotes = [...commands.map((text) => `\`${text}\``), ...claims.map((text) => `“${text}”`)];
      lines.push(`| ${id} | ${cell(title)} | ${cell(quotes.join('<br>'))} |`);
    }
    lines.push('');
  }
  lines.push(
    '## Controls',
    '',
    "The suite's own: what must not work, must be told apart, or proves nothing. They leave the mesh as they found it.",
    '',
    '| Step | What it claims |',
    '| --- | --- |',
    ...controls.map(({ id, title }) => `| ${id} | ${cell(title)} |`),
    '',
  );
  return lines.join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
