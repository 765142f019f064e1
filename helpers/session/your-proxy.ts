import { accessSync, constants } from 'node:fs';
import type { Configuration } from '../configuration/configuration.ts';
import { keepSecret } from '../redact/redact.ts';
import { messageOf, UsageError } from '../errors.ts';
import type { Progress } from '../progress/progress.ts';
import type { Report } from '../report/report.ts';
import {
  credentialsIn,
  forgetCredentials,
  secretForms,
  type Credentials,
} from '../your-proxy/credentials.ts';
import { parseProxyLog, type ProxyLog } from '../your-proxy/log-place.ts';
import { notAvailable, parseProxy, type YourProxy } from '../your-proxy/your-proxy.ts';

/**
 * The proxy that a configuration brings, with what belongs to it; undefined where Squid is deployed.
 * @throws UsageError for what cannot be meant, before anything slow starts
 */
export function yourProxyOf(
  configuration: Configuration,
  environment: NodeJS.ProcessEnv = process.env,
): YourProxy | undefined {
  const { proxy, proxyLog, target } = configuration;
  ownPageMustBeWhole(configuration);
  if (proxy === undefined) {
    if (proxyLog === undefined) return undefined;
    throw new UsageError(
      '--proxy-log is the log of a proxy of yours, and there is no --proxy',
      'Say --proxy HOST:PORT, or leave it out: the log of the Squid that is deployed is followed anyway.',
    );
  }
  const parsed = parseProxy(proxy);
  if (target === 'hermetic') {
    throw new UsageError(
      '--proxy and --target hermetic exclude each other: the suite’s own server is inside the cluster, where only its own Squid finds it',
      'Say --destination URL --expect-title TEXT for a page that your proxy reaches, or leave --target out for the real one.',
    );
  }
  const log = proxyLog === undefined ? undefined : logOf(proxyLog, configuration);
  return { ...parsed, credentials: takeCredentials(environment), log };
}

/** The user's proxy in a session that begins: told to the report and to the user. */
export function introduceProxy(
  configuration: Configuration,
  report: Report,
  progress: Progress,
): YourProxy | undefined {
  const yours = yourProxyOf(configuration);
  if (yours === undefined) return undefined;
  const { told, credentials, log } = yours;
  if (credentials !== undefined) keepSecret(secretForms(credentials));
  const statement = log?.told ?? notAvailable;
  report.proxy = { address: told, credentials: credentials !== undefined, statement };
  const known = credentials === undefined ? 'without credentials' : 'with credentials';
  progress.note(`  proxy: ${told}, yours, ${known}; its statement: ${statement}`);
  return yours;
}

let taken: Credentials | undefined;

/** Reads them once and takes them out of the environment, which every program started from here would have. */
function takeCredentials(environment: NodeJS.ProcessEnv): Credentials | undefined {
  taken = credentialsIn(environment) ?? taken;
  forgetCredentials(environment);
  return taken;
}

function logOf(told: string, { kubeconfig, inCluster }: Configuration): ProxyLog {
  const log = parseProxyLog(told);
  if (log.kind === 'pod') {
    if (kubeconfig !== undefined || inCluster) return log;
    throw new UsageError(
      `--proxy-log ${told} is a pod, and the cluster is one that the run starts: it has no such pod`,
      'Say a file of this machine (./FILE for one below this folder), or --kubeconfig FILE.',
    );
  }
  try {
    accessSync(log.path, constants.R_OK);
  } catch (error) {
    throw new UsageError(
      `--proxy-log ${told} cannot be read: ${messageOf(error)}`,
      'Say a file that exists and that this user may read; Squid’s own is often readable by group proxy alone.',
      { cause: error },
    );
  }
  return log;
}

/** @throws UsageError when flags about a page of the user's stand without it, or it is none */
function ownPageMustBeWhole({ destination, expectTitle, destinationCa }: Configuration): void {
  if (destination !== undefined) return;
  for (const [flag, value] of [
    ['--expect-title', expectTitle],
    ['--destination-ca', destinationCa],
  ] as const) {
    if (value === undefined) continue;
    throw new UsageError(
      `${flag} is about a page of yours, and there is no --destination`,
      'Say --destination URL, or leave it out.',
    );
  }
}
