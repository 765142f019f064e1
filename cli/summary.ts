import { summaryPage, summaryRows } from '../helpers/report/summary.ts';

/** `conformance summary`: the verdicts of the runs below these folders, as Markdown. */
export async function summary(folders: readonly string[]): Promise<void> {
  process.stdout.write(summaryPage(await summaryRows(folders)));
}
