import { accessSync, constants } from 'node:fs';
import type { Configuration } from '../configuration/configuration.ts';
import { settingsMustFit } from '../configuration/settings.ts';
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
  const { proxy, proxyLog } = configuration;
  settingsMustFit(configuration);
  if (proxy === undefined) return undefined;
  const parsed = parseProxy(proxy);
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
