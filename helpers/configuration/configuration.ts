import { z } from 'zod';
import { defaultEdition, editionNames } from '../../fixtures/document/editions.ts';
import { roles } from '../images/roles.ts';

/** More passes would take days, and a report nobody can open. */
export const maxRepeat = 1000;

/** Below a tenth no machine is quick enough; above twenty a hanging step would take four hours to be told. */
export const minTimeoutScale = 0.1;
export const maxTimeoutScale = 20;

/** Clients are pods of one Deployment, each followed by a stream of its own. */
export const maxClients = 200;
/** curl opens no more than so many at once. */
export const maxTunnels = 300;
export const maxWaves = 100;

/** Everything a user can choose, validated. Printed at the start of a run and kept in its report. */
export const configurationSchema = z.object({
  /** Version of Istio, e.g. `1.29.1`; undefined takes the default of fixtures/versions.yaml. */
  istio: z.string().optional(),
  /** Version of Kubernetes, e.g. `1.35.4`. */
  k8s: z.string().optional(),
  /** Where images come from; a mirror as `mirror=HOST[:PORT][/PREFIX]`. */
  images: z
    .union([z.enum(['auto', 'registry', 'source']), z.templateLiteral(['mirror=', z.string().min(1)])])
    .default('auto'),
  /** Images taken instead of the set's own, by role. */
  image: z.partialRecord(z.enum(roles), z.string()).default({}),
  /** Edition of the document that is run. */
  edition: z.enum(editionNames).default(defaultEdition),
  target: z.enum(['auto', 'live', 'hermetic']).default('auto'),
  injection: z.enum(['auto', 'manual']).default('auto'),
  /** Ids of steps to run, with the steps they need; empty runs all. */
  steps: z.array(z.string()).default([]),
  /** A regular expression, in any case of letters: steps whose id or title it finds run, with the steps they need. */
  grep: z.string().refine(isPattern, 'it is no regular expression').optional(),
  /** After a step that fails nothing more is judged. */
  failFast: z.boolean().default(false),
  /** How many times the steps run on the one cluster; more than once measures how stable they are. */
  repeat: z.number().int().min(1).max(maxRepeat).default(1),
  /** Pods that open many tunnels at once, besides the document's one request. */
  clients: z.number().int().min(1).max(maxClients).default(1),
  /** Tunnels that each of them has open at once. */
  tunnels: z.number().int().min(1).max(maxTunnels).default(1),
  /** How often they open them. */
  waves: z.number().int().min(1).max(maxWaves).default(1),
  /** The cluster stays after the run; one that was kept for the same configuration is used again. */
  keep: z.boolean().default(false),
  /** A kept cluster is used, and none is started. */
  reuse: z.boolean().default(false),
  /** After a step that fails, and its evidence, the run waits for somebody at the terminal. */
  pauseOnFailure: z.boolean().default(false),
  /** Every time limit of helpers/timeouts.ts is multiplied by this. */
  timeoutScale: z.number().min(minTimeoutScale).max(maxTimeoutScale).default(1),
  /** How much the run tells while it goes. */
  verbosity: z.enum(['quiet', 'normal', 'verbose']).default('normal'),
  /** File that says how to reach a cluster which is there already; undefined starts one. */
  kubeconfig: z.string().optional(),
  /** One of its contexts; its current one when not given. */
  context: z.string().optional(),
  /** The cluster is the one that this process runs in, as a pod with a service account. */
  inCluster: z.boolean().default(false),
  /** Istio is installed into a cluster that is there and has none, and taken away again. */
  installIstio: z.boolean().default(false),
  /** Name of a revision, or of a tag of one, where a cluster that is there has several. */
  revision: z.string().optional(),
  /** Namespace of the client in the mesh, in a cluster that is there. */
  namespace: z.string().default('conformance-mesh'),
  /** Namespace of the proxy and of the client outside the mesh, in a cluster that is there. */
  proxyNamespace: z.string().default('conformance-external'),
  /** Credentials that the cluster pulls images with, a file as `docker login` writes it. */
  pullSecret: z.string().optional(),
  /** The mesh's part from a client on each node besides. */
  everyNode: z.boolean().default(false),
  /** A proxy that is there already, `HOST:PORT` or `IP:PORT[,IP:PORT…]`; undefined deploys Squid. */
  proxy: z.string().optional(),
  /** Its access log, a file here or `namespace/pod[/container][:/path]`. */
  proxyLog: z.string().optional(),
  /** URL of a page instead of the document's. */
  destination: z.url({ protocol: /^https$/ }).optional(),
  /** That page's title. */
  expectTitle: z.string().optional(),
  /** PEM of the CA of that page's certificate, where it is none that everybody trusts. */
  destinationCa: z.string().optional(),
  reportDir: z.string().default('reports'),
  /** `NAMESPACE/NAME` of a ConfigMap of the cluster that the report is left in besides. */
  reportConfigMap: z.string().optional(),
});

export type Configuration = z.infer<typeof configurationSchema>;

/** As a user says it: what is left out takes its default. */
export type ConfigurationInput = z.input<typeof configurationSchema>;

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
