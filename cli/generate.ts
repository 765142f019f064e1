import { writeFile } from 'node:fs/promises';
import { eventsSchema } from '../helpers/events/events.ts';
import { resultsSchema } from '../helpers/results/results.ts';
import { causesPage } from '../helpers/causes/page.ts';
import { allEditions } from '../fixtures/document/editions.ts';
import { controlSteps } from '../suites/steps.ts';
import { traceability, traceabilityFile } from '../suites/document/traceability.ts';
import { cliPage } from './cli-page.ts';

/** `npm run generate`: writes the documents that are made from code. Unit tests compare them. */
const docs = new URL('../docs/', import.meta.url);
for (const edition of allEditions) {
  await writeFile(new URL(traceabilityFile(edition), docs), traceability(edition, controlSteps));
}
await writeFile(new URL('causes.md', docs), causesPage());
await writeFile(new URL('results.schema.json', docs), `${JSON.stringify(resultsSchema(), null, 2)}\n`);
await writeFile(new URL('events.schema.json', docs), `${JSON.stringify(eventsSchema(), null, 2)}\n`);
await writeFile(new URL('cli.md', docs), cliPage());
