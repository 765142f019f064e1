import ora from 'ora';
import colors from 'picocolors';
import prettyMilliseconds from 'pretty-ms';
import { timed, type Progress } from './progress.ts';

/** How often a long phase tells that it still runs where lines stay, i.e. without a terminal. */
const heartbeatMs = 60_000;

/** Duration as people read it: `4.2s`, `1m 12s`. */
export function duration(milliseconds: number): string {
  return prettyMilliseconds(milliseconds, { secondsDecimalDigits: milliseconds < 60_000 ? 1 : 0 });
}

/**
 * A spinner with elapsed time where there is a terminal; else one line when a phase ends, and a rare heartbeat. A terminal
 * may have no width, now or always: asked before each phase, since ora would clear infinitely many lines there.
 */
export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const plain = lines(stream);
  if (!stream.isTTY || process.env['CI'] !== undefined) return plain;
  const spinner = spinning(stream);
  return {
    note: (line) => {
      plain.note(line);
    },
    phase: (title, work) => (stream.columns > 0 ? spinner : plain).phase(title, work),
  };
}

function lines(stream: NodeJS.WriteStream): Progress {
  const write = (line: string): void => {
    stream.write(`${line}\n`);
  };
  return {
    note: write,
    phase: (title, work) => {
      const start = performance.now();
      let detail = '';
      const heartbeat = setInterval(() => {
        write(`  … ${title}: ${duration(performance.now() - start)}${detail === '' ? '' : `, ${detail}`}`);
      }, heartbeatMs);
      const report = (text: string): void => {
        detail = text;
      };
      return timed(
        () => work(report),
        (failed, ms) => {
          clearInterval(heartbeat);
          const last = detail === '' ? '' : ` (${detail})`;
          write(failed ? `  ${title}: failed after ${duration(ms)}${last}` : `  ${title} (${duration(ms)})`);
        },
      );
    },
  };
}

function spinning(stream: NodeJS.WriteStream): Pick<Progress, 'phase'> {
  return {
    phase: (title, work) => {
      const start = performance.now();
      let detail = '';
      const spinner = ora({ text: title, stream, indent: 2, discardStdin: false }).start();
      const draw = (): void => {
        const elapsed = duration(performance.now() - start);
        spinner.text = `${title} ${colors.dim(`${elapsed}${detail === '' ? '' : ` · ${detail}`}`)}`;
      };
      const tick = setInterval(draw, 200);
      const report = (text: string): void => {
        detail = text;
        draw();
      };
      return timed(
        () => work(report),
        (failed, ms) => {
          clearInterval(tick);
          spinner[failed ? 'fail' : 'succeed'](`${title} ${colors.dim(duration(ms))}`);
        },
      );
    },
  };
}
