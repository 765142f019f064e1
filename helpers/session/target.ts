import { readFile } from 'node:fs/promises';
import type { Configuration } from '../configuration/configuration.ts';
import { editionOf } from '../../fixtures/document/editions.ts';
import type { Destination } from '../destination/destination.ts';
import { parentOf } from '../destination/parent.ts';
import { reachFromHere } from '../destination/live.ts';
import { proxyFor } from '../proxies/variables.ts';
import { loadOf } from '../scale/load.ts';
import { EnvironmentError, thrownAs, UsageError } from '../errors.ts';
import type { RunPlan } from './proxy.ts';
import { isExisting } from './surroundings.ts';

/** What the requests are to reach, before it is there. */
export type Target = Omit<Destination, 'origin'>;

/**
 * @throws EnvironmentError when the live destination was asked for and does not answer
 * @throws UsageError when the user's own is named in part
 */
export async function chooseTarget({ configuration, proxy }: RunPlan): Promise<Target> {
  const { target: asked, destination } = configuration;
  if (destination !== undefined) return givenTarget(configuration, destination);
  const { request } = editionOf(configuration);
  const document = { ...request, ca: undefined };
  if (proxy.kind === 'given' && asked !== 'hermetic') {
    // What answers from here says nothing of what that proxy reaches.
    return { ...document, kind: 'live', because: `through the proxy ${proxy.text}` };
  }
  if (asked === 'hermetic') return { ...document, kind: 'hermetic', because: 'asked for' };
  if (loadOf(configuration) !== undefined) {
    return { ...document, kind: 'hermetic', because: 'many requests at once are for a server of our own' };
  }
  const hostProxy = proxyFor(process.env, request.url);
  const { way, because } = await reachFromHere(request.url, hostProxy);
  if (way === 'directly') return { ...document, kind: 'live', because };
  if (asked !== 'live') {
    const why = way === undefined ? because : `${because}; --target live makes it Squid's parent`;
    return { ...document, kind: 'hermetic', because: why };
  }
  if (way === undefined || hostProxy === undefined) {
    throw new EnvironmentError(
      `The live destination cannot be used: ${because}`,
      'Check the network and the proxy variables, or run with --target hermetic.',
    );
  }
  const parent = parentOf(hostProxy, isExisting(configuration) ? 'existing' : 'own');
  return { ...document, kind: 'live', because: `asked for; ${because}: it is Squid's parent`, parent };
}

/** A destination outside the cluster, which the run does not start. */
export function destinationOf({ parent, ...target }: Target): Destination {
  return { ...target, origin: undefined, ...(parent === undefined ? {} : { parent }) };
}

async function givenTarget({ expectTitle, destinationCa }: Configuration, url: string): Promise<Target> {
  if (expectTitle === undefined)
    throw new TypeError('the settings were not checked: --expect-title is missing');
  return {
    kind: 'given',
    because: 'asked for',
    url,
    title: expectTitle,
    ca: destinationCa === undefined ? undefined : await certificateIn(destinationCa),
  };
}

async function certificateIn(file: string): Promise<string> {
  const hint = 'Name a file with the CA’s certificate as PEM.';
  const text = await readFile(file, 'utf8').catch(thrownAs(UsageError, `--destination-ca ${file}`, hint));
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new UsageError(`--destination-ca ${file}: it holds no certificate in PEM`, hint);
}
