import type { Mode } from './results.ts';

/** One thing that makes the suite fast, and the edit of its source that takes it out. */
export interface Optimisation {
  readonly what: string;
  readonly file: string;
  /** The edit: this text becomes that one. */
  readonly from: string;
  readonly to: string;
  /** Where it does something; both when not given. */
  readonly only?: Mode;
}

export const optimisations: readonly Optimisation[] = [
  {
    what: 'images imported once for all nodes',
    file: 'helpers/cluster/store.ts',
    from: "images.k3s.source !== 'source'",
    to: "images.k3s.source === 'source'",
    only: 'cold',
  },
  {
    what: "Istio's installation begins with the set-up",
    file: 'cli/run.ts',
    from: 'install: installFor(plan, given?.given)',
    to: 'install: undefined',
  },
  {
    what: "istiod's readiness asked for each second",
    file: 'fixtures/istio.yaml',
    from: 'periodSeconds: 1',
    to: 'periodSeconds: 3',
    only: 'cold',
  },
  {
    what: 'steps begin before their turn',
    file: 'suites/conformance.test.ts',
    from: 'new Passes(session, judgedSteps(session),',
    to: 'new Passes(session, [],',
  },
  {
    what: "Squid's log read ten times a second",
    file: 'helpers/kube/lines.ts',
    from: 'exitCode === 0',
    to: 'exitCode === -1',
  },
  {
    what: "the sidecar's line after a tenth of a second",
    file: 'helpers/istio/install.ts',
    from: "semver.gte(istio, '1.29.0')",
    to: "semver.gte(istio, '999.0.0')",
  },
  {
    what: 'Squid interrupted once its pod is being deleted',
    file: 'helpers/proxy/squid-process.ts',
    from: "['sh', '-c', signalSquid('INT')]",
    to: "['true']",
  },
  {
    what: "the steps' modules load while the session opens",
    file: 'helpers/session/run-steps.ts',
    from: 'this.#ended = vitest.start();',
    to: 'this.#ended = this.#handed.promise.then(() => vitest.start());',
  },
  {
    what: "steps run in the CLI's own thread",
    file: 'vitest.config.ts',
    from: 'pool: thisThread',
    to: "pool: 'threads'",
  },
  {
    what: 'the controller manager starts without its limit of requests',
    file: 'helpers/cluster/node-container.ts',
    from: "['kube-api-qps=200', 'kube-api-burst=400']",
    to: '[]',
    only: 'cold',
  },
  {
    what: 'the API server is asked over connections that stay',
    file: 'helpers/kube/client.ts',
    from: 'const kept = dispatchers.get(identity) ?? create(cluster, options);',
    to: 'const kept = create(cluster, options);',
  },
  {
    what: 'Envoy asked by a forwarded port',
    file: 'helpers/istio/sidecar.ts',
    from: 'if (kube.dress === undefined)',
    to: 'if (kube.dress === undefined && path === undefined)',
  },
];
