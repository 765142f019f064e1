/** An admission webhook that the API server asked and that did not answer. */
export interface FailedWebhook {
  /** e.g. `serviceentries.company-policy.example.com` */
  readonly name: string;
  /** The Service that it is called by, `namespace/name`; undefined when it is called by another URL. */
  readonly service: string | undefined;
  /** What was called, without the path; undefined when the API server does not say. */
  readonly host: string | undefined;
  /** e.g. `service "company-policy" not found`, `connection refused`. */
  readonly why: string;
  /** Whether it is one of Istio's own: then its failure is the mesh's. */
  readonly istios: boolean;
}

/**
 * The webhook in an API server's refusal (`failed calling webhook "NAME": failed to call webhook: Post "URL": WHY`), or
 * in an event that quotes one. One that answered and denied the request is another matter.
 * Source: k8s.io/apiserver, pkg/admission/plugin/webhook/errors.
 */
export function failedWebhook(text: string): FailedWebhook | undefined {
  const match =
    /failed calling webhook \\?"([^"\\]+)\\?":\s*(?:failed to call webhook:\s*)?(?:Post \\?"([^"\\]+)\\?":\s*)?([^\n]*)/.exec(
      text,
    );
  const [, name, url, why = ''] = match ?? [];
  if (name === undefined) return undefined;
  const host = URL.parse(url ?? '')?.host;
  const [, service, namespace] = /^([^.]+)\.([^.:]+)\.svc(?::|$)/.exec(host ?? '') ?? [];
  return {
    name,
    service: service === undefined || namespace === undefined ? undefined : `${namespace}/${service}`,
    host,
    why: why.trim(),
    istios: name.endsWith('.istio.io'),
  };
}

/** One line for a finding. */
export function toldWebhook({ name, service, host, why }: FailedWebhook): string {
  const where = service === undefined ? (host === undefined ? '' : ` (${host})`) : ` (Service ${service})`;
  return `webhook ${name}${where}: ${why}`;
}
