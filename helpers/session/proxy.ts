import { accessSync, constants } from 'node:fs';
import type { Configuration } from '../configuration/configuration.ts';
import { settingsMustFit } from '../configuration/settings.ts';
import { keepSecret } from '../redact/redact.ts';
import { attempt, thrownAs, UsageError } from '../errors.ts';
import type { Progress } from '../progress/progress.ts';
import { credentialsIn, forgetCredentials, secretForms, type Credentials } from '../proxy/credentials.ts';
import { notAvailable, proxyOf, type Proxy, type ProxyLog } from '../proxy/proxy.ts';
import type { Report } from '../report/report.ts';

/** What a run is to do: its settings, and the proxy that they name. */
export interface RunPlan {
  readonly configuration: Configuration;
  readonly proxy: Proxy;
}

/** @throws UsageError when `--proxy` or `--proxy-log` cannot be read */
export function planOf(configuration: Configuration): RunPlan {
  return { configuration, proxy: proxyOf(configuration) };
}

/**
 * The plan's proxy with its credentials, once it is clear that the settings fit it.
 * @throws UsageError for the first setting that does not, before anything slow starts
 */
export function checkedProxy(
  { configuration, proxy }: RunPlan,
  environment: NodeJS.ProcessEnv = process.env,
): Proxy {
  settingsMustFit(configuration);
  if (proxy.kind === 'deployed') return proxy;
  const { entry, kubeconfig, inCluster } = configuration;
  if (entry.includes('/') && kubeconfig === undefined && !inCluster) {
    throw new UsageError(
      `--entry ${entry} is a ServiceEntry of an existing mesh, and the cluster that the run starts has none`,
      'Add --kubeconfig FILE, or leave it out.',
    );
  }
  if (proxy.log !== undefined) logMustBeReadable(proxy.log, configuration);
  return { ...proxy, credentials: takeCredentials(environment) };
}

/** The proxy of a session that begins, made known to the report and to the user. */
export function introduceProxy(plan: RunPlan, report: Report, progress: Progress): Proxy {
  const proxy = checkedProxy(plan);
  if (proxy.kind === 'deployed') return proxy;
  const { text, credentials, log } = proxy;
  keepSecretsOf(proxy);
  const statement = log?.text ?? notAvailable;
  report.proxy = { address: text, credentials: credentials !== undefined, statement };
  const known = credentials === undefined ? 'without credentials' : 'with credentials';
  progress.note(`  proxy: ${text}, yours, ${known}; its statement: ${statement}`);
  return proxy;
}

/** Keeps the proxy's credentials out of all that this thread writes. */
export function keepSecretsOf(proxy: Proxy): void {
  if (proxy.kind === 'given' && proxy.credentials !== undefined) keepSecret(secretForms(proxy.credentials));
}

let taken: Credentials | undefined;

/** Reads them once and takes them out of the environment, which every program started from here would inherit. */
function takeCredentials(environment: NodeJS.ProcessEnv): Credentials | undefined {
  taken = credentialsIn(environment) ?? taken;
  forgetCredentials(environment);
  return taken;
}

/** @throws UsageError */
function logMustBeReadable(log: ProxyLog, { kubeconfig, inCluster }: Configuration): void {
  if (log.kind === 'pod') {
    if (kubeconfig !== undefined || inCluster) return;
    throw new UsageError(
      `--proxy-log ${log.text} is a pod, and the cluster that the run starts has no such pod`,
      'Say a file of this machine (./FILE for one in this folder), or add --kubeconfig FILE.',
    );
  }
  attempt(
    () => {
      accessSync(log.path, constants.R_OK);
    },
    thrownAs(
      UsageError,
      `--proxy-log ${log.text} cannot be read`,
      'Say a file that exists and that this user may read; Squid’s own is often readable by group proxy alone.',
    ),
  );
}
