import type { Reporter } from 'vitest/node';
import type { Configuration } from '../configuration/configuration.ts';
import { EventLines, eventProgress, StepStarts } from '../events/event-lines.ts';
import { events } from '../events/events.ts';
import { silent, type Progress } from '../progress/progress.ts';
import { terminalProgress } from '../progress/terminal.ts';
import { QuietLines, type Lines, type Write, VerboseLines } from '../report/lines.ts';

/** How a run tells what it does: to people as much as they asked for, to other programs in events. */
export class Telling {
  readonly #verbosity: Configuration['verbosity'];

  constructor({ verbosity }: Pick<Configuration, 'verbosity'>) {
    this.#verbosity = verbosity;
  }

  get verbose(): boolean {
    return this.#verbosity === 'verbose';
  }

  /** A line for every verbosity: what failed, the verdict, where the report is. */
  readonly say: Write = (line) => {
    process.stdout.write(`${line}\n`);
  };

  /** A line that --quiet leaves out. */
  readonly mention: Write = (line) => {
    if (this.#verbosity !== 'quiet') this.say(line);
  };

  /** Of long work that is no step. */
  progress(): Progress {
    return eventProgress(this.#verbosity === 'quiet' ? silent : terminalProgress(), events);
  }

  /**
   * Of the steps.
   * @param lines What is printed by default
   */
  lines(lines: Lines, reportFolder: string): Lines {
    const told = {
      quiet: () => new QuietLines(this.say, reportFolder),
      normal: () => lines,
      verbose: () => new VerboseLines(lines, this.say),
    }[this.#verbosity]();
    return new EventLines(told, events, reportFolder);
  }

  /** What a runner of steps must have besides, to show each step as it begins. */
  reporters(): Reporter[] {
    return [new StepStarts(events)];
  }
}
