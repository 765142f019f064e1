import { readFile } from 'node:fs/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import { UsageError, messageOf } from '../../helpers/errors.ts';
import { parseManifests, render } from '../../helpers/kube/manifests.ts';

const folder = new URL('../../fixtures/document/', import.meta.url);

export async function fixtureText(name: string): Promise<string> {
  try {
    return await readFile(new URL(name, folder), 'utf8');
  } catch (error) {
    throw new UsageError(
      `fixtures/document/${name} cannot be read: ${messageOf(error)}`,
      'Restore the file: git checkout -- fixtures',
      { cause: error },
    );
  }
}

/** The objects of a fixture, with its `${NAMES}` filled in. */
export async function fixture(
  name: string,
  values: Readonly<Record<string, string>> = {},
): Promise<KubernetesObject[]> {
  const origin = `fixtures/document/${name}`;
  return parseManifests(render(await fixtureText(name), values, origin), origin);
}

/** @throws UsageError naming the first fixture that cannot be read or parsed; asked before anything slow starts */
export async function fixturesMustBeReadable(): Promise<void> {
  const values = { CURL_IMAGE: 'x', SQUID_IMAGE: 'x', PROXY_IP: '10.0.0.1', PROXY_PORT: '3128' };
  for (const name of ['default-namespace.yaml', 'sleep.yaml', 'squid.yaml', 'service-entry.yaml']) {
    await fixture(name, values);
  }
  await fixtureText('proxy.conf');
  await documentText();
}

/** Text of the document itself, the edition this suite is for. */
export async function documentText(): Promise<string> {
  return fixtureText('page.zh.txt');
}

/** The document's squid.conf as the page prints it: its line breaks were lost there, its words were not. */
export function squidConfigurationOf(page: string): string[] {
  const block = /<<EOF > \.\/proxy\.conf (.*?) EOF/s.exec(page)?.[1];
  if (block === undefined) throw new Error('The page holds no here-document for ./proxy.conf');
  return words(block);
}

export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
