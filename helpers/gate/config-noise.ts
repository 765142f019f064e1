import { isIP } from 'node:net';
import { sameIp } from '../trip/endpoint.ts';
import { literally } from '../trip/envoy.ts';
import type { Observation } from '../results/gate.ts';

/** What of an observation says which values are its phase's own. */
export type Phase = Pick<Observation, 'config' | 'versions'> & {
  readonly accessLog: Pick<Observation['accessLog'], 'format'>;
};

/** When Envoy took it, and what it did not take: they differ with every push. */
const volatileKeys: ReadonlySet<string> = new Set([
  'version_info',
  'last_updated',
  'last_update_attempt',
  'client_status',
  'failed_configuration',
]);

/** Of the metadata that Istio attaches, what only names the objects that a part was made of. */
const namesOnly: ReadonlySet<string> = new Set(['services', 'config', 'resource_version', 'resourceVersion']);

const formatKeys: ReadonlySet<string> = new Set(['inline_string', 'text_format', 'json_format']);

/**
 * A configuration without what differs between any two phases, and without the access log's format, which is
 * compared field by field: the proxy's address becomes `PROXY_IP`, any other pod's or Service's `OTHER_IP`, the
 * phase's own version of Istio `ISTIO_VERSION`. Loopback and wildcard addresses stay, since they mean something.
 */
export function withoutNoise(value: unknown, phase: Phase): unknown {
  return cleaned(value, namesOf(phase));
}

function cleaned(value: unknown, names: Names): unknown {
  if (typeof value === 'string') return names.replaced(value);
  if (Array.isArray(value)) return value.map((element: unknown) => cleaned(element, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !volatileKeys.has(key))
      .map(([key, inner]: [string, unknown]) => {
        if (formatKeys.has(key) && names.isAccessLogFormat(inner)) return [key, 'ACCESS_LOG_FORMAT'];
        return [key, cleaned(key === 'filter_metadata' ? withoutOrigin(inner) : inner, names)];
      }),
  );
}

function withoutOrigin(metadata: unknown): unknown {
  if (typeof metadata !== 'object' || metadata === null || !('istio' in metadata)) return metadata;
  const { istio } = metadata;
  if (typeof istio !== 'object' || istio === null) return metadata;
  return {
    ...metadata,
    istio: Object.fromEntries(Object.entries(istio).filter(([key]) => !namesOnly.has(key))),
  };
}

/** Nothing that may belong to a longer address stands beside a match; `_` may (`10.42.0.5_3128`). */
const ipv4 = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g;
const ipv6 =
  /(?<![\dA-Za-z.:])[\da-fA-F]{0,4}(?::[\da-fA-F]{0,4}){2,}(?:\d{1,3}(?:\.\d{1,3}){3})?(?![\dA-Za-z.:])/g;

interface Names {
  /** A text without the addresses and the version. */
  readonly replaced: (text: string) => string;
  readonly isAccessLogFormat: (value: unknown) => boolean;
}

function namesOf({ config, versions, accessLog: { format } }: Phase): Names {
  const own = new Set([versions['istiod'] ?? '', versions['istio-proxy'] ?? '']);
  const texts = [...own].filter((text) => text !== '').map(literally);
  const version =
    texts.length === 0 ? undefined : new RegExp(`(?<![\\w.])(?:${texts.join('|')})(?![\\w.-])`, 'g');
  const address = (ip: string): string => {
    if (isIP(ip) === 0) return ip;
    if (sameIp(ip, config.proxy.ip)) return 'PROXY_IP';
    return meansSomething(ip) ? ip : 'OTHER_IP';
  };
  return {
    replaced: (text) => {
      const addressed = text.replace(ipv6, address).replace(ipv4, address);
      return version === undefined ? addressed : addressed.replace(version, 'ISTIO_VERSION');
    },
    isAccessLogFormat: (value) => format !== '' && (value === format || JSON.stringify(value) === format),
  };
}

function meansSomething(ip: string): boolean {
  return ['0.0.0.0', '::', '::1', '::6'].some((special) => sameIp(special, ip)) || ip.startsWith('127.');
}
