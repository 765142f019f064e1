import type { KubernetesObject } from '@kubernetes/client-node';
import { allEditions } from '../../fixtures/document/editions.ts';
import type { Edition } from '../../helpers/document/edition.ts';
import {
  fixtureText,
  movedTo,
  type Namespaces,
  parseManifests,
  render,
} from '../../helpers/kube/manifests.ts';

/** Those of the document are in the folder of its edition. */
const documentNames = [
  'document/page.txt',
  'document/proxy.conf',
  'document/service-entry.yaml',
  'document/client.yaml',
  'document/squid.yaml',
] as const;
const names = [
  'istio.yaml',
  'document/default-namespace.yaml',
  ...documentNames,
  'origin/origin.yaml',
] as const;
export type FixtureName = (typeof names)[number];

/** Changes a fixture's text as it is read; `namespace` is where its objects go, where that is known. */
export type Alteration = (text: string, namespace: string | undefined) => string;

/** What a reader of the document applies, read from fixtures/ each time it is used. */
export class Fixtures {
  readonly #edition: Edition;
  /** Namespaces that stand for the document's. */
  readonly #moved: ReadonlyMap<string, string>;
  readonly #alterations = new Map<FixtureName, Alteration>();

  /** @param namespaces Where objects of the document's namespaces go; there by default */
  constructor(edition: Edition, namespaces: Omit<Namespaces, 'origin'> = edition.namespaces) {
    this.#edition = edition;
    const { mesh, external } = edition.namespaces;
    this.#moved = new Map([
      [mesh, namespaces.mesh],
      [external, namespaces.external],
    ]);
  }

  /** Where a fixture is in a checkout, e.g. `fixtures/document/2018-zh/proxy.conf`. */
  path(name: FixtureName): string {
    const ofDocument = (documentNames as readonly string[]).includes(name);
    return `fixtures/${ofDocument ? name.replace('/', `/${this.#edition.name}/`) : name}`;
  }

  /** @throws UsageError when the file cannot be read */
  async text(name: FixtureName, namespace?: string): Promise<string> {
    const alter = this.#alterations.get(name);
    const text = await fixtureText(this.path(name));
    return alter === undefined ? text : alter(text, namespace);
  }

  /** The objects of a fixture, with its `${NAMES}` filled in. */
  async objects(
    name: FixtureName,
    values: Readonly<Record<string, string>> = {},
    namespace?: string,
  ): Promise<KubernetesObject[]> {
    const origin = this.path(name);
    const objects = parseManifests(render(await this.text(name, namespace), values, origin), origin);
    return objects.map((object) => movedTo(this.#moved, object));
  }

  /**
   * From now on the fixture reads as if it had been changed: how the fault matrix makes a reader's mistake.
   * @throws Error when the change changes nothing, since then it would prove nothing
   */
  alter(name: FixtureName, alteration: Alteration): void {
    this.#alterations.set(name, (text, namespace) => {
      const altered = alteration(text, namespace);
      if (altered === text && namespace === undefined) {
        throw new Error(
          `The alteration of ${this.path(name)} changes nothing: the fixture has another text now`,
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

/** @throws UsageError naming the first fixture of any edition that cannot be read or parsed */
export async function fixturesMustBeReadable(): Promise<void> {
  for (const edition of allEditions) {
    const fixtures = new Fixtures(edition);
    const values = {
      ...{ CURL_IMAGE: 'x', SQUID_IMAGE: 'x', PILOT_IMAGE: 'x', PROXY_IMAGE: 'x', ORIGIN_IMAGE: 'x' },
      ...{ PROXY_IP: '10.0.0.1', PROXY_PORT: String(edition.proxy.port) },
    };
    for (const name of names) {
      if (name.endsWith('.yaml')) await fixtures.objects(name, values);
      else await fixtures.text(name);
    }
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
