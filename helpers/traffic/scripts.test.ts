import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { eventually } from '../eventually/eventually.ts';
import type { StampedLine } from '../kube/lines.ts';
import { readClientLog, type ClientLog } from './record.ts';
import { tripsOf } from './trips.ts';

/**
 * Stands in for curl: writes the figures of a good exchange by the format it is given, over one connection as long as
 * it is told to go on (--rate). The first `$FAILURES` calls find nobody; the first `$ENDS` do not go on.
 */
const curl = String.raw`#!/bin/sh
printf '%s\n' "$HTTPS_PROXY $*" >>"$STATE/calls"
rate=no
while [ $# -gt 0 ]; do
  case $1 in
  --write-out) shift; format=$1 ;;
  --rate) rate=yes ;;
  esac
  shift
done
write() {
  printf '%s' "$format" | sed -e "s/%{exitcode}/$1/" -e "s/%{http_code}/$2/" -e "s/%{http_connect}/$2/" \
    -e 's/%{local_ip}/10.42.0.7/' -e "s/%{local_port}/$$/" -e "s/%{num_connects}/$3/" -e 's/%{time_total}/0.012000/' \
    -e 's/%header{connection}//' -e "s/%{errormsg}/$4/" -e 's/%{stderr}//' -e 's/\\n/\n/'
}
case $format in *stderr*) exec >&2 ;; esac
if [ "$(grep -c . "$STATE/calls")" -le "$FAILURES" ]; then
  write 7 000 0 'Failed to connect'
  exit 7
fi
write 0 200 1 ''
[ "$rate" = yes ] || exit 0
while sleep 0.1; do
  write 0 206 0 ''
  [ "$(grep -c . "$STATE/calls")" -gt "$ENDS" ] || exit 1
done
`;

interface Ran {
  readonly log: ClientLog;
  readonly lines: readonly StampedLine[];
  readonly calls: readonly string[];
  readonly exitCode: number | undefined;
}

/** Runs a client, has it end once it has said `ready` and these many lines after it, and gives what it left. */
async function run(script: 'requests.sh' | 'tunnels.sh', failures: number, ends = 0): Promise<Ran> {
  const state = await mkdtemp(join(tmpdir(), 'conformance-traffic-test-'));
  try {
    await writeFile(join(state, 'curl'), curl);
    await chmod(join(state, 'curl'), 0o755);
    const path = fileURLToPath(new URL(`../../fixtures/traffic/${script}`, import.meta.url));
    const process_ = execa('sh', [path], {
      env: {
        ...{ STATE: state, FAILURES: String(failures), ENDS: String(ends) },
        ...{ PATH: `${state}:${process.env['PATH'] ?? ''}` },
        ...{ PROXY: '10.42.0.5:3128', URL: 'https://en.wikipedia.org/', AGENT: 'a b', CONFIG: '/curl.conf' },
      },
      reject: false,
      buffer: false,
      timeout: 45_000,
      // It works on for seconds: execa would kill it after five.
      forceKillAfterDelay: false,
    });
    const lines: StampedLine[] = [];
    createInterface(process_.stdout).on('line', (text) => lines.push({ at: Date.now(), text }));
    await eventually(
      'the client to work',
      () => {
        const ready = lines.findIndex(({ text }) => text === 'event|ready');
        if (ready === -1 || lines.length < ready + 6)
          throw new Error(lines.map(({ text }) => text).join('\n'));
      },
      { timeoutMs: 20_000, intervalMs: 50 },
    );
    process_.kill('SIGTERM');
    const { exitCode } = await process_;
    const calls = (await readFile(join(state, 'calls'), 'utf8')).trim().split('\n');
    return { log: readClientLog(lines), lines, calls, exitCode };
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}

describe.concurrent('the clients of live traffic', () => {
  it('requests.sh asks anew each time, is ready after its first page, and works on for a while when told to end', async () => {
    const { log, lines, calls, exitCode } = await run('requests.sh', 2);
    expect(exitCode).toBe(0);
    const { ready = NaN, closing = NaN, closed = NaN } = log.moments;
    expect(calls[0]).toBe(
      `10.42.0.5:3128 --silent --fail --max-time 10 --config /curl.conf --user-agent a b --output /dev/null --write-out ${calls[0]?.split('--write-out ')[1] ?? ''}`,
    );
    expect(calls[0]).toMatch(/https:\/\/en\.wikipedia\.org\/$/);

    expect(lines.filter(({ text }) => !text.startsWith('event|'))).toHaveLength(log.exchanges.length);
    expect(log.exchanges).toHaveLength(calls.length);
    expect(log.exchanges.slice(0, 4).map(({ of, exitCode }) => [of, exitCode])).toEqual([
      ['warm', 7],
      ['warm', 7],
      ['warm', 0],
      ['request', 0],
    ]);
    expect(log.exchanges.filter(({ of }) => of === 'warm').every(({ at }) => at <= ready)).toBe(true);
    const working = log.exchanges.filter(({ at }) => at > closing);
    expect(working.length).toBeGreaterThanOrEqual(3);
    // Longer than it takes Envoy to write its access log.
    expect(closed - (working.at(-1)?.at ?? NaN)).toBeGreaterThan(1200);
    expect(closed - closing).toBeLessThan(20_000);
    expect(tripsOf('requests', log).filter(({ outcome }) => outcome !== 'completed')).toHaveLength(2);
  });

  it('tunnels.sh keeps two connections, and ends them between two exchanges', async () => {
    const { log, lines, calls, exitCode } = await run('tunnels.sh', 1);
    expect(exitCode).toBe(0);
    const { closing = NaN, closed = NaN } = log.moments;
    expect(calls).toHaveLength(4);
    expect(calls[3]).toMatch(/--rate 10\/s https:\/\/en\.wikipedia\.org\/\?tunnel=[12]&n=\[1-100000\]$/);

    expect(lines.filter(({ text }) => !text.startsWith('event|'))).toHaveLength(log.exchanges.length);
    const trips = tripsOf('tunnels', log);
    expect(trips.map(({ warm, outcome }) => [warm, outcome])).toEqual([
      [true, 'refused'],
      [true, 'completed'],
      [false, 'completed'],
      [false, 'completed'],
    ]);
    const [, , one, two] = trips;
    expect(one?.connection).not.toEqual(two?.connection);
    for (const tunnel of [one, two]) {
      expect(tunnel?.exchanges).toBeGreaterThan(5);
      expect(tunnel?.endedAt).toBeGreaterThan(closing + 2900);
      expect(closed - (tunnel?.endedAt ?? NaN)).toBeGreaterThan(1200);
    }
    expect(closed - closing).toBeLessThan(20_000);
  });

  it('tunnels.sh opens another tunnel where curl itself ended', async () => {
    const { log, calls } = await run('tunnels.sh', 0, 3);
    expect(calls.length).toBeGreaterThanOrEqual(5);
    const outcomes = tripsOf('tunnels', log).map(({ warm, outcome }) => [warm, outcome]);
    expect(outcomes.filter(([warm]) => warm === true)).toEqual([[true, 'completed']]);
    expect(outcomes.filter(([, outcome]) => outcome === 'cut').length).toBeGreaterThanOrEqual(2);
    expect(outcomes.filter(([warm, outcome]) => warm === false && outcome === 'completed')).toHaveLength(2);
  });
});
