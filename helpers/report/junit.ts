import { stripVTControlCharacters } from 'node:util';
import { create } from 'xmlbuilder2';
import type { Results } from '../results/results.ts';
import { countsOf } from './tally.ts';

/**
 * `junit.xml` of a run: a suite for each section (in a gate, each phase), a case for each step. A run that broke outside
 * its steps is an error in a suite of its own: a CI system must not show it as empty and green.
 */
export function junitOf(run: Results): string {
  const root = create({ version: '1.0', encoding: 'UTF-8' }).ele('testsuites', {
    name: 'connect to an external HTTPS proxy',
    time: seconds(run.durationMs),
  });
  for (const [section, steps] of Map.groupBy(run.steps, ({ phase, section }) => phase ?? section)) {
    const { failed, skipped } = countsOf(steps);
    const suite = root.ele('testsuite', {
      name: section,
      timestamp: run.startedAt,
      tests: steps.length,
      failures: failed,
      skipped,
      errors: 0,
      time: seconds(steps.reduce((sum, { durationMs }) => sum + durationMs, 0)),
    });
    for (const step of steps) {
      const testCase = suite.ele('testcase', {
        classname: `document.${section}`,
        // CI systems tell cases apart by their names alone.
        name: `${step.id} ${step.title}${run.stability === undefined ? '' : ` (pass ${step.pass})`}`,
        time: seconds(step.durationMs),
      });
      if (step.status === 'skipped') testCase.ele('skipped', { message: printable(step.reason) });
      if (step.status === 'failed') {
        const type = step.findings[0]?.cause ?? 'UNEXPLAINED';
        const message = printable(step.reason.split('\n')[0] ?? '');
        testCase.ele('failure', { type, message }).txt(printable(step.reason));
      }
      if (step.evidence !== '') testCase.ele('system-out').txt(`evidence: ${step.evidence}/index.md`);
    }
  }
  // The results of the steps alone show the other verdicts.
  if (!['conformant', 'not conformant', 'unstable'].includes(run.verdict)) {
    const testCase = root
      .ele('testsuite', {
        name: 'run',
        timestamp: run.startedAt,
        tests: 1,
        failures: 0,
        errors: 1,
        skipped: 0,
      })
      .ele('testcase', { classname: 'document.run', name: 'the run itself', time: seconds(run.durationMs) });
    testCase
      .ele('error', { type: run.verdict, message: printable(run.reason.split('\n')[0] ?? '') })
      .txt(printable(run.reason));
    if (run.evidence !== undefined) testCase.ele('system-out').txt(`evidence: ${run.evidence}/index.md`);
  }
  return root.end({ prettyPrint: true });
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

/** XML 1.0 has no place for control characters, which logs and terminals like to print. */
function printable(text: string): string {
  return stripVTControlCharacters(text).replace(
    /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu,
    '',
  );
}
