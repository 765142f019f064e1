import { describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually/eventually.ts';
import { runErrand, type ErrandEnd } from '../helpers/pause/pause.ts';
import { Errands } from './errands.ts';

interface Ran {
  readonly end: ErrandEnd;
  readonly said: readonly string[];
  readonly files: ReadonlyMap<string, string>;
}

let runs = 0;

/** Runs a command as a step has it run. @param until Once this was said, the run is interrupted */
async function run(command: string, environment = {}, until?: string): Promise<Ran> {
  const runId = `errands-${(runs += 1)}`;
  const said: string[] = [];
  const files = new Map<string, string>();
  const errands = new Errands();
  const attach = (name: string, text: string): Promise<string> => {
    files.set(name, text);
    return Promise.resolve(name);
  };
  using _attending = errands.attend({ runId }, { attach }, (line) => said.push(line));
  const ending = runErrand(runId, { kind: 'command', name: 'upgrade', command, environment });
  if (until !== undefined) {
    await eventually(
      until,
      () => {
        if (!said.includes(until)) throw new Error(said.join('\n'));
      },
      { timeoutMs: 10_000, intervalMs: 20 },
    );
    expect(errands.interrupt()).toBe(true);
  }
  return { end: await ending, said, files };
}

describe('a user’s command', () => {
  it('is run by the shell with the gate’s variables, and what it prints is shown and kept', async () => {
    const { end, said, files } = await run('echo "$GATE_FROM" && echo oops >&2', { GATE_FROM: '1.28.3' });
    expect(end).toEqual({
      exitCode: 0,
      lastLines: ['1.28.3', 'oops'],
      output: 'upgrade-command.log',
      interrupted: false,
    });
    expect(said.slice(1)).toEqual(['    | 1.28.3', '    | oops']);
    expect(files.get('upgrade-command.log')).toContain('1.28.3\noops\n');
  });

  it('has its exit code', async () => {
    const { end } = await run('echo half; exit 3');
    expect(end).toMatchObject({ exitCode: 3, lastLines: ['half'] });
  });

  it('gets nothing on its standard input', async () => {
    expect((await run('cat; echo end')).end.lastLines).toEqual(['end']);
  });

  it('gets the signal once, with all that it started, when the run is interrupted', async () => {
    // In the foreground: a shell has what it starts in the background ignore SIGINT.
    const child = `sh -c 'trap "echo child" INT; echo ready; sleep 30; echo over'`;
    const command = `trap 'echo told' INT; ${child}; exit 7`;
    const { end, said } = await run(command, {}, '    | ready');
    expect(end).toMatchObject({ exitCode: 7, interrupted: true });
    expect(said.slice(2)).toEqual(['    | child', '    | over', '    | told']);
  });

  it('does not begin after an interruption', async () => {
    const errands = new Errands();
    expect(errands.interrupt()).toBe(false);
    const attach = (): Promise<string> => Promise.resolve('');
    using _attending = errands.attend({ runId: 'errands-late' }, { attach }, () => undefined);
    const errand = { kind: 'command', name: 'upgrade', command: 'exit 0', environment: {} } as const;
    expect(await runErrand('errands-late', errand)).toMatchObject({ interrupted: true, exitCode: undefined });
  });
});
