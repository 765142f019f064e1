/** Sections of the document, by the slug of their heading in the English edition. */
export type DocumentSection =
  | 'before-you-begin'
  | 'deploy-an-https-proxy'
  | 'configure-traffic-to-external-https-proxy'
  | 'understanding-what-happened'
  | 'cleanup';

/** Commands of the document, by what they do; `client` is the sample that sends the requests. */
export type Command =
  | 'applyClient'
  | 'injectClient'
  | 'sourcePod'
  | 'createNamespace'
  | 'writeProxyConf'
  | 'createConfigMap'
  | 'deployProxy'
  | 'applyOutsideClient'
  | 'proxyIp'
  | 'proxyPort'
  | 'requestWithoutIstio'
  | 'proxyLog'
  | 'applyServiceEntry'
  | 'requestFromMesh'
  | 'sidecarLog'
  | 'deleteClient'
  | 'deleteOutsideClient'
  | 'deleteProxy'
  | 'deleteNamespace'
  | 'deleteServiceEntry';

/** Sentences of the document that a step checks, where there is no command. */
export type Claim = 'istioIsInstalled' | 'entryIsTcp' | 'noEntryForTheDestination';

/**
 * One edition of the document as data; its folder in fixtures/document has the text (`page.txt`) and what a reader
 * applies. Plain JSON: it crosses to the tests' worker.
 */
export interface Edition {
  /** Name of its folder, e.g. `2018-zh`. */
  readonly name: string;
  /** Headings, word for word. */
  readonly sections: Readonly<Record<DocumentSection, string>>;
  /** Commands, word for word as `page.txt` has them. */
  readonly commands: Readonly<Record<Command, string>>;
  /** Sentences, word for word; none where `page.txt` has commands only. */
  readonly claims: Readonly<Record<Claim, readonly string[]>>;
  /** What a reader of its table of steps must know of its text; nothing when all of it is at hand. */
  readonly note?: string;
  readonly request: {
    readonly url: string;
    /** What the document searches the answer for. */
    readonly title: string;
  };
  /** Namespaces of the client in the mesh and of everything outside it. */
  readonly namespaces: { readonly mesh: string; readonly external: string };
  /** The sample that sends the requests: its Deployment, its pods' label `app` and its container have this name. */
  readonly client: string;
  readonly proxy: {
    /** Name of its Deployment, of its pods' label `app` and of its container. */
    readonly app: string;
    readonly port: number;
    readonly configMap: string;
  };
  readonly entry: {
    readonly apiVersion: string;
    readonly name: string;
    /** A name that is ignored where the entry has addresses: it only names the sidecar's cluster. */
    readonly host: string;
  };
}

/** Istio's name for the cluster of a ServiceEntry's port: where a sidecar sends requests for the proxy. */
export function clusterName(host: string, port: number): string {
  return `outbound|${port}||${host}`;
}
