import { describe, expect, it } from 'vitest';
import type { Collector } from './collector.ts';
import { podCollector } from './collectors.ts';
import { runCollectors } from './collector.ts';
import type { Source } from './source.ts';

function pod(
  name: string,
  fields: { app?: string; sidecar?: 'runs' | 'waits'; restarts?: number } = {},
): unknown {
  const { app = 'sleep', sidecar, restarts = 0 } = fields;
  const main = { name: 'main', ready: true, restartCount: restarts, state: { running: {} } };
  const native = {
    name: 'istio-proxy',
    ready: false,
    state: sidecar === 'runs' ? { running: {} } : { waiting: { reason: 'CrashLoopBackOff' } },
  };
  return {
    metadata: { name, namespace: 'default', labels: { app }, managedFields: [{ manager: 'kubelet' }] },
    spec: {
      ...(sidecar === undefined ? {} : { initContainers: [{ name: 'istio-proxy' }] }),
      containers: [{ name: 'main' }],
    },
    status: {
      phase: 'Running',
      ...(sidecar === undefined ? {} : { initContainerStatuses: [native] }),
      containerStatuses: [main],
    },
  };
}

function source(pods: readonly unknown[], answers: Readonly<Record<string, string>> = {}): Source {
  return {
    api: {
      get: (path) =>
        Promise.resolve(
          path === '/api/v1/pods'
            ? JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items: pods })
            : `log ${path}\n`,
        ),
    },
    exec: (_target, command) => {
      const answer = answers[command.at(-1) ?? ''];
      return Promise.resolve(
        answer === undefined
          ? { exitCode: 1, stdout: '', stderr: `tail: cannot open: No such file or directory` }
          : { exitCode: 0, stdout: answer, stderr: '' },
      );
    },
    istioctl: undefined,
    proxy: { ip: '10.42.0.5', port: 3128 },
  };
}

async function collected(collector: Collector): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const rows = await runCollectors(
    [collector],
    (file, text) => {
      files.set(file, text);
      return Promise.resolve();
    },
    { concurrency: 4, timeoutMs: 5_000, eachMs: 5_000 },
  );
  for (const { file, problem } of rows) if (problem !== undefined) files.set(file, `PROBLEM ${problem}`);
  return files;
}

describe('podCollector', () => {
  it('collects manifests, logs and, of what restarted, the log before', async () => {
    const files = await collected(podCollector(source([pod('a', { restarts: 2 }), pod('b')])));
    expect([...files.keys()].sort()).toEqual([
      'namespaces/default/a.main.log',
      'namespaces/default/a.main.previous.log',
      'namespaces/default/b.main.log',
      'namespaces/default/pods.yaml',
      'pods.txt',
    ]);
    expect(files.get('namespaces/default/pods.yaml')).toMatch(/^---\napiVersion: v1\nkind: Pod\n/);
    expect(files.get('namespaces/default/pods.yaml')).not.toContain('managedFields');
    expect(files.get('namespaces/default/a.main.previous.log')).toContain('previous=true');
  });

  it('asks the Envoy of a native sidecar, and says what it has for the proxy', async () => {
    const files = await collected(
      podCollector(
        source([pod('a', { sidecar: 'runs' })], { config_dump: '{"configs": []}', clusters: 'c' }),
      ),
    );
    expect(files.get('envoy/default.a/proxy-listeners.json')).toBe('[]\n');
    expect(files.get('envoy/default.a/clusters.txt')).toBe('c');
    expect(files.get('envoy/default.a/server_info.json')).toMatch(/^PROBLEM .*exit code 1/);
    expect(files.has('namespaces/default/a.istio-proxy.log')).toBe(true);
  });

  it('does not ask a sidecar that does not run', async () => {
    const files = await collected(podCollector(source([pod('a', { sidecar: 'waits' })])));
    expect(files.get('envoy/default.a/config_dump.json')).toBe('PROBLEM the sidecar does not run');
    expect(files.get('pods.txt')).toContain('istio-proxy waiting (CrashLoopBackOff)');
  });

  it("reads Squid's files, and takes a cache.log that is not there for no problem", async () => {
    const files = await collected(
      podCollector(
        source([pod('s', { app: 'squid' })], {
          '/etc/squid/squid.conf': 'http_port 3128\n',
          '/var/log/squid/access.log': 'line\n',
        }),
      ),
    );
    expect(files.get('squid/default.s/squid.conf')).toBe('http_port 3128\n');
    expect(files.get('squid/default.s/access.log')).toBe('line\n');
    expect(files.has('squid/default.s/cache.log')).toBe(false);
  });
});
