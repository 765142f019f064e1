import { describe, expect, it } from 'vitest';
import { FakeCommands, type ScriptRun } from '../tests/support/fake-commands.ts';

/** scripts/tracking-issue with a gh that only notes its calls, keeps the bodies it was given, and knows `open` issues. */
class Nightly extends FakeCommands {
  constructor(open: readonly number[] = []) {
    super();
    this.command(
      'gh',
      `case "$1 $2" in
         'issue list') printf '%s\\n' ${open.join(' ')} ;;
       esac
       while (($#)); do
         if [[ $1 == --body-file ]]; then cat "$2" >>bodies; fi
         shift
       done`,
    );
    this.write('summary.md', '| run | verdict |\n');
  }

  async of(...results: string[]): Promise<ScriptRun> {
    return this.run('scripts/tracking-issue', ['summary.md', ...results], { RUN_URL: 'https://run/1' });
  }

  /** What gh did, without where the body's file is. */
  done(): string[] {
    return this.called()
      .filter((call) => !call.startsWith('gh [issue] [list]'))
      .map((call) => call.replace(/\[--body-file\] \[.*?\]/, '[body]'));
  }
}

describe.concurrent('a failure', () => {
  it('opens the issue, with its label, the summary and the run', async () => {
    using nightly = new Nightly();
    const { code, stderr } = await nightly.of('success', 'failure', 'skipped');
    expect(nightly.done()).toEqual([
      expect.stringMatching(/^gh \[label\] \[create\] \[nightly-failure\] \[--force\]/),
      'gh [issue] [create] [--title] [The nightly run fails] [--label] [nightly-failure] [body]',
    ]);
    expect(nightly.read('bodies')).toBe('[The last run that failed](https://run/1).\n\n| run | verdict |\n');
    expect(stderr).toContain('opened an issue');
    expect(code).toBe(0);
  });

  it('brings the open one up to date instead, and comments', async () => {
    using nightly = new Nightly([12]);
    const { code } = await nightly.of('failure', 'cancelled');
    expect(nightly.done()).toEqual(['gh [issue] [edit] [12] [body]', 'gh [issue] [comment] [12] [body]']);
    expect(nightly.read('bodies')).toContain('[Another run that failed](https://run/1)');
    expect(code).toBe(0);
  });

  it('leaves one where there are several', async () => {
    using nightly = new Nightly([30, 9, 12]);
    await nightly.of('failure');
    expect(nightly.done().map((call) => call.split(' [').slice(0, 4).join(' ['))).toEqual([
      'gh [issue] [edit] [9]',
      'gh [issue] [comment] [9]',
      'gh [issue] [close] [12]',
      'gh [issue] [close] [30]',
    ]);
  });

  it('is told even when no run left a result', async () => {
    using nightly = new Nightly();
    nightly.write('summary.md', '');
    expect((await nightly.of('failure')).code).toBe(0);
    expect(nightly.read('bodies')).toContain('No run left results');
  });

  it('stays below what GitHub takes', async () => {
    using nightly = new Nightly();
    nightly.write('summary.md', 'x'.repeat(70_000));
    await nightly.of('failure');
    expect(nightly.read('bodies').length).toBeLessThan(65_536);
    expect(nightly.read('bodies')).toContain('Cut here');
  });
});

describe.concurrent('no failure', () => {
  it('closes what is open', async () => {
    using nightly = new Nightly([12]);
    const { code } = await nightly.of('success', 'skipped');
    expect(nightly.done()).toEqual([
      'gh [issue] [close] [12] [--comment] [[A run without a failure](https://run/1).]',
    ]);
    expect(code).toBe(0);
  });

  it('does nothing where nothing is open', async () => {
    using nightly = new Nightly();
    expect((await nightly.of('success')).stderr).toContain('all is well');
    expect(nightly.done()).toEqual([]);
  });

  it.each([[['success', 'cancelled']], [['skipped', 'skipped']]])('says nothing of %s', async (results) => {
    using nightly = new Nightly([12]);
    const { code, stderr } = await nightly.of(...results);
    expect(stderr).toContain('the issue stays as it is');
    expect(nightly.called()).toEqual([]);
    expect(code).toBe(0);
  });
});

describe.concurrent('what it cannot work with', () => {
  it.each([
    [['summary.md'], { RUN_URL: 'https://run/1' }, 'usage:'],
    [['summary.md', 'green'], { RUN_URL: 'https://run/1' }, 'unknown result of a job: green'],
    [['summary.md', 'failure'], {}, 'RUN_URL is not set'],
  ])('%j %j', async (args, env, message) => {
    using nightly = new Nightly();
    const { code, stderr } = await nightly.run('scripts/tracking-issue', args, env);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(nightly.called()).toEqual([]);
  });

  it('a gh that fails neither opens a second issue nor passes for success', async () => {
    using nightly = new Nightly();
    nightly.command('gh', 'echo "HTTP 403: Resource not accessible" >&2; exit 1');
    const { code, stderr } = await nightly.of('failure');
    expect(stderr).toMatch(/HTTP 403[^]*gh cannot list the issues/);
    expect(nightly.done()).toEqual([]);
    expect(code).toBe(3);
  });
});
