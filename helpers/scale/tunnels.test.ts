import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeCommands } from '../../tests/support/fake-commands.ts';
import { clientStatements } from './clients.ts';
import { holdSeconds } from './load.ts';
import { tripId, tunnelsConf } from './objects.ts';

const load = { clients: 2, tunnels: 3, waves: 2 };
const destination = 'https://en.wikipedia.org/wiki/Main_Page';
const script = fileURLToPath(new URL('../../fixtures/scale/tunnels.sh', import.meta.url));
const pod = { namespace: 'default', name: 'clients-1', ip: '10.42.0.7' };
const runner = { from: 1, until: 2 };

/** Stands in for curl: makes a page and a record of each request in its configuration, but not of those in $SILENT. */
const curl = String.raw`
conf=
while [ $# -gt 0 ]; do [ "$1" = --config ] && conf=$2; shift; done
n=0
while IFS= read -r line; do
  case $line in
  output*) page=$(printf '%s' "$line" | cut -d'"' -f2) ;;
  write-out*)
    n=$((n + 1))
    case " $SILENT " in *" $n "*) continue ;; esac
    printf '<html><title>A page | of two</title></html>' >"$page"
    printf '%s' "$line" | sed -e 's/^write-out = "//' -e 's/\\n"$//' -e 's/%{exitcode}/0/' -e 's/%{http_code}/200/' \
      -e 's/%{http_connect}/200/' -e 's/%{local_ip}/10.42.0.7/' -e "s/%{local_port}/4000$n/" \
      -e 's/%{remote_ip}/10.42.0.5/' -e 's/%{remote_port}/3128/' -e 's/%{size_download}/273/' \
      -e 's/%{time_total}/5.25/' -e 's/%{errormsg}//'
    printf '\n' ;;
  esac
done <"$conf"
exit "$CODE"
`;

describe('the clients of many tunnels', () => {
  let commands: FakeCommands;

  beforeEach(() => {
    commands = new FakeCommands();
    commands.command('curl', curl);
  });
  afterEach(() => {
    commands[Symbol.dispose]();
  });

  async function run(input: string, env: Record<string, string> = {}): Promise<string[]> {
    const { stdout } = await execa('sh', [script], {
      input,
      reject: false,
      env: {
        ...{ PATH: `${commands.folder}/bin:${process.env['PATH'] ?? ''}`, CALLS: `${commands.folder}/calls` },
        ...{ STATE: commands.folder, CONF: commands.write('tunnels.conf', tunnelsConf(load, destination)) },
        ...{ HOSTNAME: pod.name, PROXY: '10.42.0.5:3128', SILENT: '', CODE: '0' },
        ...env,
      },
    });
    return stdout.split('\n');
  }

  it('wait for each wave, and tell of every tunnel of it', async () => {
    const lines = await run('wave 1\nwave 2\n');
    expect(lines[0]).toBe('ready');
    expect(
      lines.filter((line) => /^(begin|end)/.test(line)).map((line) => line.split('|').slice(0, 2)),
    ).toEqual([
      ['begin', '1'],
      ['end', '1'],
      ['begin', '2'],
      ['end', '2'],
    ]);
    const second = lines.slice(lines.findIndex((line) => line.startsWith('begin|2|')));
    const told = clientStatements({ pod, wave: 2, tunnels: 3, lines: second }, runner);
    expect(told.map(({ id }) => id)).toEqual(['clients-1-w2-t1', 'clients-1-w2-t2', 'clients-1-w2-t3']);
    expect(told[2]?.client).toMatchObject({
      ...{
        pod: 'default/clients-1',
        podIp: '10.42.0.7',
        exitCode: 0,
        errorMessage: '',
        title: 'A page | of two',
      },
      local: { ip: '10.42.0.7', port: 40003 },
      remote: { ip: '10.42.0.5', port: 3128 },
      ...{ httpStatus: 200, connectStatus: 200, bytesDownloaded: 273, timeTotalMs: 5250 },
    });
    const { startedAt = 0, endedAt = 0 } = told[0]?.client ?? {};
    expect(Math.abs(Date.now() - startedAt)).toBeLessThan(30_000);
    expect(endedAt - startedAt).toBeGreaterThanOrEqual(1000);
    expect(commands.called()).toHaveLength(2);
    expect(commands.called()[0]).toMatch(
      /\[--parallel\] \[--parallel-immediate\] \[--parallel-max\] \[300\]/,
    );
  });

  it('say of a tunnel that curl did not tell of that it is not known', async () => {
    const lines = await run('wave 1\n', { SILENT: '2', CODE: '26' });
    const told = clientStatements({ pod, wave: 1, tunnels: 3, lines }, runner);
    expect(told.map(({ client }) => client.exitCode)).toEqual([0, -1, 0]);
    expect(told[1]?.client.errorMessage).toBe('curl gave no figures of it (exit code 26)');
    expect(told[1]?.client.title).toBeUndefined();
  });

  it('that broke off say why, by the runner’s clock', () => {
    const problem = 'the connection closed';
    const told = clientStatements({ pod, wave: 1, tunnels: 2, lines: ['begin|1|x'], problem }, runner);
    expect(told.map(({ client }) => client)).toEqual([
      expect.objectContaining({ exitCode: -1, errorMessage: problem, startedAt: 1, endedAt: 2 }),
      expect.objectContaining({ exitCode: -1, errorMessage: problem, local: undefined }),
    ]);
  });

  it('end at a word that is no wave', async () => {
    expect(await run('bye\nwave 1\n')).toEqual(['ready']);
  });
});

describe('the configuration of many tunnels', () => {
  it('has for each another trip, another padding, and a rate at which it lasts as long', () => {
    const conf = tunnelsConf(load, destination);
    const requests = conf.split('\nnext\n');
    expect(requests).toHaveLength(3);
    expect(requests[1]).toContain('trip/POD-wWAVE-t2"');
    const padding = requests.map((request) => /[?&]p=(x*)"/.exec(request)?.[1]?.length);
    expect(padding).toEqual([0, 8, 16]);
    for (const [index, request] of requests.entries()) {
      const rate = Number(/rate=(\d+)/.exec(request)?.[1]);
      const bytes = 560 + index * 64;
      expect(bytes / rate).toBeGreaterThan(holdSeconds(load) - 1);
      expect(bytes / rate).toBeLessThanOrEqual(holdSeconds(load));
    }
  });

  it('names trips as user agents can carry them, with as long a name as a pod of a Deployment has', () => {
    expect(tripId('conformance-clients-7d9f8c6b5d-x2x4k', 100, 300).length).toBeLessThanOrEqual(64);
  });

  it('fits into a ConfigMap with as many tunnels as there may be', () => {
    const conf = tunnelsConf({ clients: 200, tunnels: 300, waves: 1 }, destination);
    expect(conf.length).toBeLessThan(900_000);
    expect(Math.max(...conf.split('\n').map((line) => line.length))).toBeLessThan(8_000);
  });
});
