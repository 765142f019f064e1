import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultEdition } from '../../fixtures/document/editions.ts';
import { readBundle, secretsIn } from '../support/bundle.ts';
import { corporateProxy } from '../support/corporate-proxy.ts';
import { runCheckout, type CheckoutRun } from '../../faults/checkout.ts';
import { prefixImpossible, unshared } from '../../faults/environment.ts';
import { cacheDir } from '../../helpers/cache.ts';

/** A report's bundle, which its index must list, and which must hold no secret. */
async function bundleOf({ reportFolder }: CheckoutRun, name: string): Promise<ReadonlyMap<string, string>> {
  const files = await readBundle(join(reportFolder, 'evidence', name));
  const index = files.get('index.md') ?? '';
  for (const [file, text] of files) {
    if (!file.startsWith('index.')) expect(index).toContain(`[${file}]`);
    expect(secretsIn(text), file).toEqual([]);
  }
  return files;
}

function statuses({ results }: CheckoutRun): Record<string, string> {
  return Object.fromEntries(
    (results?.steps ?? []).filter(({ status }) => status !== 'passed').map(({ id, status }) => [id, status]),
  );
}

const hermetic = ['run', '--target', 'hermetic'];

describe('a mistake in the document’s ServiceEntry', () => {
  test('is a red verdict with its cause, and the evidence of the step that found it', async () => {
    // This machine's own proxy is for what is asked from here, and nothing of it reaches the mesh.
    await using proxy = await corporateProxy('localhost');
    await using run = await runCheckout({
      args: [...hermetic, '--step', 'MESH-2'],
      env: proxy.variables,
      edits: {
        [`fixtures/document/${defaultEdition}/service-entry.yaml`]: (text) =>
          text.replace('protocol: TCP', 'protocol: HTTP'),
      },
    });
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toContain(
      "SERVICE_ENTRY_PROTOCOL: The ServiceEntry's port has another protocol than TCP",
    );
    expect(run.stdout).toMatch(/^ +evidence +reports\/.*\/evidence\/MESH-1\/index\.md$/m);
    expect(run.stdout).toMatch(/^Verdict: not conformant \(\d+ passed, 1 failed, 1 skipped, /m);
    expect(run.results).toMatchObject({
      verdict: 'not conformant',
      exitCode: 1,
      cause: 'SERVICE_ENTRY_PROTOCOL',
    });
    expect(statuses(run)).toEqual({ 'MESH-1': 'failed', 'MESH-2': 'skipped' });
    const [failed, skipped] = (run.results?.steps ?? []).slice(-2);
    expect(failed).toMatchObject({ id: 'MESH-1', evidence: 'evidence/MESH-1' });
    expect(skipped).toMatchObject({ reason: 'because step MESH-1 failed', evidence: '' });
    expect(run.junit).toContain('<failure type="SERVICE_ENTRY_PROTOCOL" message="SERVICE_ENTRY_PROTOCOL: ');
    expect(run.junit).toContain('<system-out>evidence: evidence/MESH-1/index.md</system-out>');
    expect(run.junit).not.toContain('<error');

    const files = await bundleOf(run, 'MESH-1');
    const names = [...files.keys()];
    expect(names).toEqual(
      expect.arrayContaining([
        ...['failure.txt', 'findings.json', 'images.json', 'pods.txt', 'events.txt', 'node/container.log'],
        ...['istio/kinds.txt', 'istioctl/analyze.txt', 'istioctl/proxy-status.txt'],
        expect.stringMatching(/^envoy\/default\.curl-.*\/config_dump\.json$/),
        expect.stringMatching(/^envoy\/default\.curl-.*\/listener.*$/),
      ]),
    );
    expect(files.get('failure.txt')).toMatch(/^MESH-1 failed: SERVICE_ENTRY_PROTOCOL\n/);
    for (const [file, text] of files) expect(text, file).not.toContain(proxy.host);
    for (const asked of proxy.asked) expect(asked).toMatch(/\b(docker|istio)\.io:443$/);
    // Before any clean-up: the entry is there as it was when the step failed.
    expect(files.get('istio/serviceentries.yaml')).toMatch(/protocol: HTTP$/m);
  });
});

describe('an image that cannot be pulled', () => {
  test('is no verdict on the mesh', async () => {
    await using run = await runCheckout({
      args: [...hermetic, '--step', 'PROXY-5'],
      edits: {
        [`fixtures/document/${defaultEdition}/client.yaml`]: (text) =>
          text.replace('${CURL_IMAGE}', 'localhost/no/such:0').replace('IfNotPresent', 'Never'),
      },
    });
    expect(run.exitCode).toBe(3);
    expect(run.stdout).toContain('IMAGE_NOT_PULLED: An image cannot be pulled');
    expect(run.stdout).toContain('localhost/no/such:0');
    expect(run.results).toMatchObject({ verdict: 'environment', exitCode: 3, cause: 'IMAGE_NOT_PULLED' });
    expect(statuses(run)).toEqual({ 'PROXY-5': 'failed' });
    expect(run.junit).toContain('<failure type="IMAGE_NOT_PULLED"');
    expect(run.junit).toContain('<error type="environment"');
    const files = await bundleOf(run, 'PROXY-5');
    expect(files.get('events.txt')).toContain('localhost/no/such:0');
  });
});

describe('a set-up that fails', () => {
  test('comes with the evidence of the cluster, which is gone then', async () => {
    await using run = await runCheckout({
      args: hermetic,
      edits: {
        'fixtures/origin/origin.yaml': (text) =>
          text.replace(
            'imagePullPolicy',
            "command: ['/bin/sh', '-c', 'echo no such luck; exit 7']\n      imagePullPolicy",
          ),
      },
    });
    expect(run.exitCode).toBe(3);
    expect(run.stdout).toContain('\nENVIRONMENT: The environment failed, not the mesh\n');
    expect(run.stdout).toMatch(/container origin of pod origin keeps ending: .*exit code 7/);
    expect(run.stderr).toMatch(/evidence +reports\/.*\/evidence\/set-up\/index\.md$/m);
    expect(run.results).toMatchObject({
      verdict: 'environment',
      cause: 'ENVIRONMENT',
      evidence: 'evidence/set-up',
      steps: [],
    });
    expect(run.junit).toContain('<error type="environment" message="ENVIRONMENT: ');
    expect(run.junit).toContain('<system-out>evidence: evidence/set-up/index.md</system-out>');
    const files = await bundleOf(run, 'set-up');
    const log = [...files].find(([file]) => /conformance-origin.*origin/.test(file) && file.endsWith('.log'));
    expect(log?.[1]).toContain('no such luck');
  });

  test('keeps what the node printed when not even that became ready', async () => {
    await using run = await runCheckout({
      args: hermetic,
      edits: {
        'helpers/cluster/node-container.ts': (text) => text.replace("'server',", "'no-such-command',"),
      },
    });
    expect(run.exitCode).toBe(3);
    expect(run.stdout).toContain("\nNODE_NOT_READY: The cluster's node does not become ready\n");
    expect(run.results).toMatchObject({ cause: 'NODE_NOT_READY', evidence: 'evidence/set-up', steps: [] });
    const files = await bundleOf(run, 'set-up');
    expect([...files.keys()]).toEqual(
      expect.arrayContaining(['failure.txt', 'images.json', 'index.json', 'index.md', 'node/last.log']),
    );
    expect(files.get('node/last.log')).toContain('no-such-command');
    expect(files.get('failure.txt')).toContain('no-such-command');
  });
});

/** The cache is where this process alone has it, as of a CI job in a container that was given the engine's socket. */
const cacheElsewhere = unshared(`
mkdir -p elsewhere
mount -t tmpfs tmpfs elsewhere
mkdir elsewhere/cache
mount --rbind '${cacheDir()}' elsewhere/cache
export CONFORMANCE_CACHE_DIR="$PWD/elsewhere/cache"`);

describe('an engine with a socket here and files elsewhere', () => {
  test('gets the images copied into the node', async ({ skip }) => {
    const impossible = await prefixImpossible(unshared('mount -t tmpfs tmpfs /mnt'));
    if (impossible !== undefined) skip(impossible);
    await using run = await runCheckout({
      args: [...hermetic, '--step', 'BEFORE-1'],
      prefix: cacheElsewhere,
    });
    expect(run.stderr).toContain('the images are copied into the node');
    expect(run.stdout).toMatch(/^Verdict: conformant \(1 passed, /m);
  });
});

/** Begins only when the API server has been there for a while, as it is with a cold disk under containerd's root. */
const lateContainerd = `#!/bin/sh
until curl --silent --fail --insecure https://127.0.0.1:6443/readyz; do sleep 0.1; done
sleep 3
exec /usr/bin/containerd "$@"
`;

describe('a node whose containerd answers later than its API server', () => {
  test('becomes ready all the same', async () => {
    const content = JSON.stringify(lateContainerd);
    await using run = await runCheckout({
      args: [...hermetic, '--images', 'source', '--step', 'BEFORE-1'],
      edits: {
        'helpers/cluster/node-container.ts': (text) =>
          text.replace(
            'super(request.image);',
            `super(request.image);
            this.withCopyContentToContainer([
              { content: ${content}, target: '/usr/local/bin/containerd', mode: 0o755 },
            ]);`,
          ),
      },
    });
    expect(run.stdout).toMatch(/^Verdict: conformant \(1 passed, /m);
  });
});
