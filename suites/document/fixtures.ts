import { readFile } from 'node:fs/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import { UsageError, messageOf } from '../../helpers/errors.ts';
import { documentNamespaces, movedTo, type Namespaces } from '../../helpers/session/namespaces.ts';
import { parseManifests, render } from '../../helpers/kube/manifests.ts';

const folder = new URL('../../fixtures/', import.meta.url);

const names = [
  'istio.yaml',
  'document/default-namespace.yaml',
  'document/page.zh.txt',
  'document/proxy.conf',
  'document/service-entry.yaml',
  'document/sleep.yaml',
  'document/squid.yaml',
  'origin/origin.yaml',
] as const;
export type FixtureName = (typeof names)[number];

/** Changes a fixture's text as it is read; `namespace` is where its objects go, where that is known. */
export type Alteration = (text: string, namespace: string | undefined) => string;

/** What a reader would `kubectl apply`, read from fixtures/ each time it is used. */
export class Fixtures {
  readonly #namespaces: Namespaces;
  readonly #alterations = new Map<FixtureName, Alteration>();

  /** @param namespaces Where the objects of the document's namespaces go */
  constructor(namespaces: Namespaces = documentNamespaces) {
    this.#namespaces = namespaces;
  }

  /** @throws UsageError when the file cannot be read */
  async text(name: FixtureName, namespace?: string): Promise<string> {
    const alter = this.#alterations.get(name);
    const text = await read(name);
    return alter === undefined ? text : alter(text, namespace);
  }

  /** The objects of a fixture, with its `${NAMES}` filled in. */
  async objects(
    name: FixtureName,
    values: Readonly<Record<string, string>> = {},
    namespace?: string,
  ): Promise<KubernetesObject[]> {
    const origin = `fixtures/${name}`;
    const objects = parseManifests(render(await this.text(name, namespace), values, origin), origin);
    return objects.map((object) => movedTo(this.#namespaces, object));
  }

  /**
   * From now on the fixture reads as if somebody had changed it: how the fault matrix makes a reader's mistake.
   * @throws Error when the change changes nothing, since then it would prove nothing
   */
  alter(name: FixtureName, alteration: Alteration): void {
    this.#alterations.set(name, (text, namespace) => {
      const altered = alteration(text, namespace);
      if (altered === text && namespace === undefined) {
        throw new Error(
          `The alteration of fixtures/${name} changes nothing: the fixture has another text now`,
        );
      }
      return altered;
    });
  }

  /** All fixtures read as they are again. */
  restore(): void {
    this.#alterations.clear();
  }
}

/** @throws UsageError naming the first fixture that cannot be read or parsed; asked before anything slow starts */
export async function fixturesMustBeReadable(): Promise<void> {
  const fixtures = new Fixtures();
  const values = {
    ...{ CURL_IMAGE: 'x', SQUID_IMAGE: 'x', PILOT_IMAGE: 'x', PROXY_IMAGE: 'x', ORIGIN_IMAGE: 'x' },
    ...{ PROXY_IP: '10.0.0.1', PROXY_PORT: '3128' },
  };
  for (const name of names) {
    if (name.endsWith('.yaml')) await fixtures.objects(name, values);
    else await fixtures.text(name);
  }
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

async function read(name: FixtureName): Promise<string> {
  try {
    return await readFile(new URL(name, folder), 'utf8');
  } catch (error) {
    throw new UsageError(
      `fixtures/${name} cannot be read: ${messageOf(error)}`,
      'Restore the file: git checkout -- fixtures',
      { cause: error },
    );
  }
}
