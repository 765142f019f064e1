import { beforeAll, expect } from 'vitest';
import { ensureImageSet } from '../../helpers/images/ensure.ts';
import type { ImageSet, Role } from '../../helpers/images/roles.ts';
import { resolveVersions } from '../../helpers/images/versions.ts';
import { silent } from '../../helpers/progress/progress.ts';
import { newRunId } from '../../helpers/session/session.ts';
import { signalSquid } from '../../helpers/proxy/squid-process.ts';
import { describeRows, has, runImage, type Check } from '../support/contract.ts';

const runId = newRunId();

let set: ImageSet['images'];

beforeAll(async () => {
  const request = { source: 'source' as const, ...resolveVersions({ images: 'source' }), overrides: {} };
  set = (await ensureImageSet(request, silent)).images;
});

const ofImages: Record<string, Check> = {
  istioctl: async () => {
    const { stdout } = await run('istioctl', { Cmd: ['version', '--remote=false', '--short'] });
    expect(stdout).toMatch(/\d+\.\d+/);
  },
  pilot: async () => {
    const { stdout } = await run('pilot', {
      Entrypoint: ['/usr/local/bin/pilot-discovery', 'request', '--help'],
    });
    expect(stdout).toContain('request <method> <path>');
  },
  proxyv2: async () => {
    const { stdout } = await run('proxyv2', { Entrypoint: ['pilot-agent', 'request', '--help'] });
    expect(stdout).toContain('request <method> <path>');
    await shellOn('proxyv2', 'test -e /var/lib/istio/envoy/envoy_bootstrap_tmpl.json');
  },
  squid: async () => {
    await shellOn('squid', has('cat', 'tail', 'grep', 'sed', 'squid'));
    await shellOn('squid', 'grep -q http_port /etc/squid/squid.conf && test -d /var/log/squid');
    // As under ubuntu/squid's shell, which keeps to itself what is sent to PID 1. By its default Squid takes 30 s to end.
    const started = 'until test -s /run/squid.pid; do :; done';
    await shellOn('squid', `(${started}; ${signalSquid('INT')}) & squid -f /etc/squid/squid.conf -NYC; wait`);
  },
  curl: async () => {
    await shellOn('curl', has('cat', 'curl', 'date', 'printf', 'sleep'));
    const { stdout } = await shellOn('curl', 'echo written >/tmp/file && cat /tmp/file; id -u');
    expect(stdout).toMatch(/^written\n[1-9]\d*\n$/);
  },
  origin: async () => {
    await shellOn('origin', 'nginx -t');
    expect((await shellOn('origin', 'ls -l /var/log/nginx/access.log')).stdout).toContain('-> /dev/stdout');
  },
};

describeRows('What it asks of the other images', ofImages);

function run(role: Role, options: object): ReturnType<typeof runImage> {
  return runImage(set[role].reference, runId, options);
}

function shellOn(role: Role, script: string): ReturnType<typeof runImage> {
  return run(role, { Entrypoint: ['sh', '-c', script], Cmd: [] });
}
