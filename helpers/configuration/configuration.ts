import { z } from 'zod';
import { defaultEdition, editionNames } from '../../fixtures/document/editions.ts';
import { parseImageChoice } from '../images/mirror.ts';
import { withOverride } from '../images/overrides.ts';
import { roles } from '../images/roles.ts';
import { inGroup, typesOf, type Rule, type Setting } from './setting.ts';

/** More passes would take days, and the report would be too large to open. */
export const maxRepeat = 1000;

/** Below a tenth no machine is quick enough; above twenty a step that hangs would be found after four hours. */
export const minTimeoutScale = 0.1;
export const maxTimeoutScale = 20;

/** Clients are pods of one Deployment, each followed by a stream of its own. */
export const maxClients = 200;
/** curl opens at most 300 connections at once. */
export const maxTunnels = 300;
export const maxWaves = 100;

/** Each is a container with a Kubernetes node in it, on one machine. */
export const maxNodes = 9;

/** Requests a second of each client of a gate's live traffic. */
export const maxTrafficRate = 10;
/** Through a user's own proxy, which is other people's as well. */
export const politeTrafficRate = 1;

/** Settings that lead to an existing cluster. */
const existing = ['kubeconfig', 'inCluster'];

const needsExisting: Rule = {
  settings: existing,
  why: (flag) => `${flag} needs an existing cluster: add --kubeconfig FILE`,
  hint: 'Without it, the run starts a cluster of its own.',
};

const onlyOurs: Rule = {
  settings: ['proxy', 'destination', 'target=live'],
  why: (_flag, other) =>
    `--clients, --tunnels and --waves are for a proxy and a destination of the suite's own, not for ${other}`,
  hint: 'Leave one of them out; --target hermetic is a server for many requests at once.',
};

/** In an existing cluster the suite changes nothing but its own namespaces. */
const onlyOwnCluster: Rule = {
  settings: existing,
  why: (flag) =>
    `${flag} is for a mesh of the suite’s own; the mesh of an existing cluster is judged as it is`,
  hint: 'Leave it out: the configuration that is in the cluster is what is judged. Or leave --kubeconfig out.',
};

const needsDestination: Rule = {
  settings: ['destination'],
  why: (flag) => `${flag} describes your own page: add --destination URL`,
  hint: 'Without --destination, the document’s own page is requested.',
};

const onACluster = ['run', 'gate', 'faults'] as const;

/**
 * Every setting of a run. An entry here is all that a new one takes: the schema, the flag and its help, the environment
 * variable, the configuration file, completion and docs/cli.md (`npm run generate`) are made from it.
 */
export const runSettings = {
  ...inGroup('What to run', ['run'], {
    istio: {
      type: z.string().optional(),
      commands: ['run', 'faults', 'doctor', 'images list', 'images build', 'images pull', 'images save'],
      argument: '<version>',
      help: 'Istio version',
      otherwise: 'that of fixtures/versions.yaml',
      excludes: [
        {
          settings: existing,
          unless: 'installIstio',
          why: (flag) =>
            `${flag} chooses the version that the run installs, but it installs none in an existing cluster`,
          hint: 'Leave it out to judge the Istio of that cluster, or add --install-istio.',
        },
      ],
    },
    k8s: {
      type: z.string().optional(),
      commands: [...onACluster, 'doctor', 'images list', 'images build', 'images pull', 'images save'],
      argument: '<version>',
      help: 'Kubernetes version',
      otherwise: 'that of fixtures/versions.yaml; of a gate, one that both Istio versions support',
      excludes: [
        {
          settings: existing,
          why: (flag) =>
            `${flag} chooses the version of a cluster that the run starts, but this one exists already`,
          hint: 'Leave it out: the version is read from the cluster.',
        },
      ],
    },
    edition: {
      type: z.enum(editionNames).default(defaultEdition),
      commands: ['run', 'gate', 'faults'],
      argument: '<name>',
      help: 'edition of the document to run',
    },
    target: {
      type: z.enum(['auto', 'live', 'hermetic']).default('auto'),
      commands: ['run', 'doctor'],
      argument: '<destination>',
      help: 'what requests reach: live is the real page, hermetic a server inside the cluster, auto live if it answers',
    },
  }),
  ...inGroup('Your configuration', ['run', 'gate'], {
    istioConfig: {
      type: z.string().optional(),
      argument: '<file>',
      help: 'install Istio with this configuration: an IstioOperator, or Helm values of istiod',
      excludes: [onlyOwnCluster],
    },
    apply: {
      type: z.array(z.string()).default([]),
      argument: '<path>',
      help: 'apply these manifests, a file or a folder, before the document is run; repeatable',
      otherwise: 'none',
      excludes: [onlyOwnCluster],
    },
  }),
  ...inGroup('What to run', ['run'], {
    injection: {
      type: z.enum(['auto', 'manual']).default('auto'),
      argument: '<way>',
      help: 'how pods get their sidecar: auto by the namespace label, manual by istioctl kube-inject',
    },
    steps: {
      type: z.array(z.string()).default([]),
      flag: '--step',
      argument: '<id>',
      help: 'run this step and the steps it needs; repeatable',
      otherwise: 'all',
    },
    grep: {
      type: z.string().refine(isPattern, 'it is no regular expression').optional(),
      argument: '<pattern>',
      help: 'run steps whose id or title matches this regular expression, and the steps they need',
    },
    failFast: {
      type: z.boolean().default(false),
      commands: ['run', 'gate'],
      help: 'skip all other steps after the first failed one',
    },
    repeat: {
      type: z.number().int().min(1).max(maxRepeat).default(1),
      argument: '<n>',
      help: `how many times to run the steps on one cluster, to measure stability; at most ${String(maxRepeat)}`,
    },
    clients: {
      type: z.number().int().min(1).max(maxClients).default(1),
      argument: '<n>',
      help: `pods that open tunnels at once; at most ${String(maxClients)}`,
      excludes: [onlyOurs],
    },
    tunnels: {
      type: z.number().int().min(1).max(maxTunnels).default(1),
      argument: '<m>',
      help: `tunnels each client opens at once; at most ${String(maxTunnels)}`,
      excludes: [onlyOurs],
    },
    waves: {
      type: z.number().int().min(1).max(maxWaves).default(1),
      argument: '<w>',
      help: `how many times to repeat the burst; at most ${String(maxWaves)}`,
      excludes: [onlyOurs],
    },
    pauseOnFailure: {
      type: z.boolean().default(false),
      commands: ['run', 'gate'],
      help: 'wait for Enter after a failed step and its evidence; needs a terminal',
    },
    timeoutScale: {
      type: z.number().min(minTimeoutScale).max(maxTimeoutScale).default(1),
      commands: [...onACluster],
      argument: '<n>',
      help: `multiply every time limit, e.g. by 2 on a slow machine; ${String(minTimeoutScale)} to ${String(maxTimeoutScale)}`,
    },
  }),
  ...inGroup('Where to run', ['run'], {
    keep: {
      type: z.boolean().default(false),
      commands: [...onACluster],
      help: 'keep the cluster after the run; a kept cluster of the same configuration is used again',
      excludes: [
        {
          settings: existing,
          why: (flag) => `${flag} keeps a cluster that the run started, but this one exists already`,
          hint: 'Leave it out: the cluster stays, and the run removes what it made in it.',
        },
      ],
    },
    reuse: {
      type: z.boolean().default(false),
      commands: [...onACluster],
      help: 'run on the kept cluster; refuse if there is none or its configuration differs',
      implies: 'keep',
    },
    kubeconfig: {
      type: z.string().optional(),
      commands: ['run', 'gate', 'clean'],
      argument: '<file>',
      help: 'use the existing cluster of this kubeconfig instead of starting one',
    },
    inCluster: {
      type: z.boolean().default(false),
      commands: ['run', 'clean'],
      help: 'use the cluster that this process runs in, as a pod with a service account',
      excludes: [
        {
          settings: ['kubeconfig', 'context'],
          hint: 'A pod reaches its own cluster by its service account, any other by a kubeconfig.',
        },
      ],
    },
    context: {
      type: z.string().optional(),
      commands: ['run', 'gate', 'clean'],
      argument: '<name>',
      help: 'context of the kubeconfig',
      otherwise: 'its current context',
      needs: { ...needsExisting, settings: ['kubeconfig'] },
    },
    namespace: {
      type: z.string().default('conformance-mesh'),
      commands: ['run', 'gate', 'clean', 'job', 'rbac'],
      argument: '<name>',
      help: 'namespace of the client in the mesh, in an existing cluster',
      needs: needsExisting,
    },
    proxyNamespace: {
      type: z.string().default('conformance-external'),
      commands: ['run', 'gate', 'clean', 'job', 'rbac'],
      argument: '<name>',
      help: 'namespace of the proxy and of the client outside the mesh, in an existing cluster',
      needs: needsExisting,
    },
    client: {
      type: z
        .string()
        .regex(
          /^[a-z0-9-]+\/(?:deploy(?:ment)?\/[a-z0-9.-]+|[a-z0-9.-]+|[\w./-]+=[\w.-]*(?:,[\w./-]+=[\w.-]*)*)(?:\/[a-z0-9-]+)?$/i,
          'NAMESPACE/POD, NAMESPACE/deployment/NAME or NAMESPACE/KEY=VALUE, each with /CONTAINER after it or not',
        )
        .optional(),
      commands: ['run', 'gate', 'rbac'],
      argument: '<namespace/pod>',
      help: 'send the mesh steps’ requests from this pod of yours, through its own sidecar (a gate: as well); or NAMESPACE/deployment/NAME, or NAMESPACE/KEY=VALUE for one with that label; /CONTAINER after it where it has several',
      needs: needsExisting,
      excludes: [
        {
          settings: ['installIstio', 'injection=manual', 'everyNode', 'clients', 'tunnels', 'waves'],
          why: (flag, other) =>
            `${other} is about pods that the suite starts, and ${flag} is one that is there`,
          hint: 'Leave one of them out.',
        },
        {
          settings: ['entry=own'],
          why: (flag, other) =>
            `${other} would lead everybody's requests in the namespace of ${flag} to your proxy by another ServiceEntry`,
          hint: 'Leave --entry out: the ServiceEntry that the client has is judged.',
        },
      ],
    },
    clientImage: {
      type: z.string().optional(),
      commands: ['run', 'gate'],
      argument: '<reference>',
      help: 'image of the ephemeral container that asks where the client has no curl; it needs sh and curl',
      otherwise: 'that of the role curl',
      needs: {
        settings: ['client'],
        why: (flag) => `${flag} is for a pod of yours that has no curl: add --client NAMESPACE/POD`,
        hint: 'The suite’s own client is replaced by --image curl=REFERENCE.',
      },
    },
    installIstio: {
      type: z.boolean().default(false),
      help: 'install Istio in an existing cluster that has none, and remove it after the run',
      needs: needsExisting,
    },
    revision: {
      type: z.string().optional(),
      commands: ['run', 'gate'],
      argument: '<name>',
      help: 'revision or revision tag to judge, where the existing cluster has several',
      needs: needsExisting,
      excludes: [
        {
          settings: ['installIstio'],
          hint: 'A revision chooses between installed control planes; the run installs the default one.',
        },
      ],
    },
    nodes: {
      type: z.number().int().min(1).max(maxNodes).default(1),
      argument: '<n>',
      help: `nodes of the cluster, at most ${String(maxNodes)}; of several, the proxy is on another than its clients`,
      excludes: [
        {
          settings: existing,
          why: (flag) => `${flag} is about a cluster that the run starts, but this one exists already`,
          hint: 'Leave it out; --every-node sends requests from each of its nodes.',
        },
      ],
    },
    everyNode: {
      type: z.boolean().default(false),
      help: 'also run the mesh steps from a client on every node',
      excludes: [
        {
          settings: ['injection=manual'],
          hint: 'The clients on the nodes get their sidecar by the namespace’s label: leave --injection out.',
        },
      ],
    },
  }),
  ...inGroup('Images', ['run'], {
    images: {
      type: z
        .union([z.enum(['auto', 'registry', 'source']), z.templateLiteral(['mirror=', z.string().min(1)])])
        .default('auto'),
      commands: [...onACluster, 'doctor', 'matrix', 'images list', 'images pull', 'images save'],
      argument: '<source>',
      help: 'where images come from: registry, source (built here), mirror=HOST[:PORT][/PREFIX], or auto',
      parse: parseImageChoice,
    },
    image: {
      type: z.partialRecord(z.enum(roles), z.string()).default({}),
      commands: ['run', 'gate', 'images list', 'images pull', 'images save'],
      argument: '<role=reference>',
      help: 'use this image for a role; repeatable',
      otherwise: 'none',
      parse: withOverride,
    },
    pullSecret: {
      type: z.string().optional(),
      commands: ['run', 'gate'],
      argument: '<file>',
      help: 'credentials an existing cluster pulls images with, a file as docker login writes it',
      needs: needsExisting,
    },
  }),
  ...inGroup('Proxy and page', ['run', 'gate'], {
    proxy: {
      type: z.string().optional(),
      argument: '<host:port>',
      help: 'use your own proxy instead of deploying Squid; several addresses as IP:PORT,IP:PORT',
      excludes: [
        {
          settings: ['target=hermetic'],
          hint:
            'The hermetic server runs inside the cluster, where only the suite’s own Squid finds it. Add --destination URL ' +
            '--expect-title TEXT for a page that your proxy reaches, or leave --target out.',
        },
      ],
    },
    proxyLog: {
      type: z.string().optional(),
      argument: '<where>',
      help: 'access log of your proxy: a file here, or namespace/pod[/container][:/path]',
      needs: {
        settings: ['proxy'],
        why: (flag) => `${flag} names the log of your own proxy, and there is no --proxy`,
        hint: 'Add --proxy HOST:PORT, or leave it out: the log of the deployed Squid is read anyway.',
      },
    },
    entry: {
      type: z
        .string()
        .regex(/^(?:auto|own|[^/\s]+\/[^/\s]+)$/, 'auto, own or NAMESPACE/NAME')
        .default('auto'),
      argument: '<which>',
      help: 'ServiceEntry to judge: auto takes the one of the mesh that leads to your proxy, if there is one, own applies the document’s, or NAMESPACE/NAME',
      needs: {
        settings: ['proxy'],
        why: (flag) => `${flag} chooses the ServiceEntry for your own proxy, and there is no --proxy`,
        hint: 'Add --proxy HOST:PORT, or leave it out: the deployed Squid gets the document’s ServiceEntry.',
      },
    },
    destination: {
      type: z.url({ protocol: /^https$/, error: 'a URL that begins with https://' }).optional(),
      argument: '<url>',
      help: 'request your own page instead of the document’s; https only',
      needs: {
        settings: ['expectTitle'],
        why: (flag) => `${flag} needs the page's title, which shows that it arrived: add --expect-title TEXT`,
        hint: 'The title is the text between <title> and </title>.',
      },
      excludes: [
        {
          settings: ['target=hermetic'],
          hint: 'Leave one of them out: the hermetic destination is the suite’s own server.',
        },
      ],
    },
    expectTitle: {
      type: z.string().optional(),
      argument: '<text>',
      help: 'title of your page',
      needs: needsDestination,
    },
    destinationCa: {
      type: z.string().optional(),
      argument: '<file>',
      help: 'CA certificate of your page as PEM, if no public CA signed it',
      needs: needsDestination,
    },
  }),
  ...inGroup('Output', ['run'], {
    reportDir: {
      type: z.string().default('reports'),
      commands: [...onACluster],
      argument: '<folder>',
      help: 'folder that gets a report folder for each run',
    },
    reportConfigMap: {
      type: z.string().optional(),
      argument: '<namespace/name>',
      help: 'also store the report in this ConfigMap of the existing cluster',
      needs: needsExisting,
    },
    verbosity: {
      type: z.enum(['quiet', 'normal', 'verbose']).default('normal'),
      commands: ['run', 'gate'],
      help: 'how much a run prints',
      flags: {
        '--quiet': { value: 'quiet', help: 'print failures and the verdict only' },
        '--verbose': {
          value: 'verbose',
          help: 'also print where each setting comes from, and the commands and witnesses of each step',
        },
      },
    },
  }),
} satisfies Readonly<Record<string, Setting>>;

/** Settings of the gate alone: `gate` in a configuration file, `CONFORMANCE_GATE_…` in the environment. */
export const gateSettings = {
  ...inGroup('Upgrade', ['gate'], {
    from: {
      type: z.string().optional(),
      argument: '<version>',
      help: 'Istio version the mesh runs before the upgrade',
    },
    to: {
      type: z.string().optional(),
      argument: '<version>',
      help: 'Istio version to upgrade to',
    },
    strategy: {
      type: z.enum(['canary', 'in-place']).default('canary'),
      argument: '<way>',
      help: 'canary installs a second revision and moves namespaces one by one; in-place replaces the control plane',
    },
    rollback: {
      type: z.boolean().default(false),
      help: 'go back after the first namespace of a canary, and run the document again',
    },
    upgradeCommand: {
      type: z.string().min(1).optional(),
      argument: '<command>',
      help: 'with --kubeconfig: your command that upgrades the Istio of that cluster, for the shell',
    },
    waitFor: {
      type: z.string().min(1).optional(),
      argument: '<version>',
      help: 'with --kubeconfig: your pipeline upgrades; the upgrade is done when istiod of this version serves',
    },
    rollbackCommand: {
      type: z.string().min(1).optional(),
      argument: '<command>',
      help: 'with --kubeconfig: your command that takes the upgrade back, after one workload went over',
    },
    restartCommand: {
      type: z.string().min(1).optional(),
      argument: '<command>',
      help: 'with --kubeconfig: your command that restarts your workloads, before the suite restarts its own',
    },
    trafficRate: {
      type: z.number().int().min(1).max(maxTrafficRate).optional(),
      argument: '<n>',
      help: `requests a second of each of the four clients of the live traffic; at most ${String(maxTrafficRate)}`,
      otherwise: `${String(maxTrafficRate)}; with --proxy ${String(politeTrafficRate)}`,
    },
    strict: {
      type: z.boolean().default(false),
      help: 'fail on changes of log or configuration that are not listed as expected',
    },
    expectedChanges: {
      type: z.string().optional(),
      argument: '<file>',
      help: 'accept the changes listed in this file, as well as those in fixtures/expected-changes.yaml',
    },
    allowUnsupported: {
      type: z.boolean().default(false),
      help: 'try a pair of versions that Istio does not support',
    },
  }),
  ...inGroup('Your configuration', ['gate'], {
    istioConfigTo: {
      type: z.string().optional(),
      argument: '<file>',
      help: 'configuration of Istio for the new version',
      otherwise: 'that of --istio-config',
    },
  }),
} satisfies Readonly<Record<string, Setting>>;

/** Everything a user can choose for a run, validated. Printed at its start and kept in its report. */
export const configurationSchema = z.object(typesOf(runSettings));
export const gateSettingsSchema = z.object(typesOf(gateSettings));

export type Configuration = z.infer<typeof configurationSchema>;
export type GateSettings = z.infer<typeof gateSettingsSchema>;

/** As a user says it: what is left out takes its default. */
export type ConfigurationInput = z.input<typeof configurationSchema>;

/** What `conformance.config.ts` may say: every setting of a run, and those of the gate. */
export type ConformanceConfig = ConfigurationInput & { readonly gate?: z.input<typeof gateSettingsSchema> };

/** For `conformance.config.ts`: gives the file its types, and its author completion. */
export function defineConfig(config: ConformanceConfig): ConformanceConfig {
  return config;
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
