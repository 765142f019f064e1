import { duration } from '../progress/terminal.ts';
import type { Results } from '../results/results.ts';
import { trafficLines } from '../traffic/traffic-lines.ts';

/** The last lines of a gate: what became of the traffic, the phases' times, and the answer. */
export function gateClosing(run: Results): string[] {
  const { gate, reason, verdict, durationMs } = run;
  if (gate === undefined) return [reason, `Verdict: ${verdict} (${duration(durationMs)})`];
  const { from, to, strategy, rollback } = gate;
  const way = `${from} → ${to}, ${strategy}${rollback ? ', rolled back' : ''}`;
  const answer =
    verdict === 'conformant'
      ? 'may go out'
      : verdict === 'not conformant'
        ? 'must not go out'
        : 'was not judged';
  return [
    ...(gate.traffic === undefined ? [] : ['', ...trafficLines(gate.traffic)]),
    ...(verdict === 'conformant' || gate.mesh.length === 0
      ? []
      : ['', '  The mesh as the failure left it:', ...gate.mesh.map((line) => `    ${line}`)]),
    '',
    ...(reason === '' ? [] : [reason]),
    `Verdict: ${verdict}; the upgrade ${way} ${answer} (${duration(durationMs)})`,
  ];
}
