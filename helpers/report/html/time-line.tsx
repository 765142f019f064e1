import type { Results } from '../../results/results.ts';
import { duration } from './format.ts';
import { timeLineOf } from './time-line-rows.ts';

/** More rows than that are passes of a long run, which the figures of the steps tell better. */
const mostRows = 60;

/** What the run's time went to, from its beginning to its end. */
export function TimeLine({ run }: { readonly run: Results }) {
  const rows = timeLineOf(run);
  const percent = (part: number): string => `${(part * 100).toFixed(2)}%`;
  return (
    <>
      <ol class="time-line">
        {rows.slice(0, mostRows).map(({ title, startedMs, durationMs, bars }, row) => (
          <li key={row}>
            <span class="title">{title}</span>
            <span class="took">
              {duration(durationMs)}
              <span class="unseen">, from {duration(Math.max(0, startedMs))} after the beginning</span>
            </span>
            <span class="track" aria-hidden="true">
              {bars.map(({ from, length, status, what }, index) => (
                <span
                  key={index}
                  class={`bar ${status}`}
                  title={what}
                  style={`left:${percent(from)};width:${percent(length)}`}
                />
              ))}
            </span>
          </li>
        ))}
      </ol>
      <p class="axis" aria-hidden="true">
        <span>0</span>
        <span>{duration(run.durationMs / 2)}</span>
        <span>{duration(run.durationMs)}</span>
      </p>
      {rows.length <= mostRows ? null : <p>{rows.length - mostRows} further passes are not drawn.</p>}
    </>
  );
}
