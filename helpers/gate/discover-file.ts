import semver from 'semver';
import { parseDocument, type Document } from 'yaml';
import { UsageError } from '../errors.ts';
import { minorOf, parseVersions, type VersionsFile } from '../images/versions.ts';
import type { NewestReleases } from './discover.ts';

const unreviewed = ' Discovered, not reviewed';

/** What the newest releases are to fixtures/versions.yaml. */
export interface Discovered {
  /** The whole file with them in it; the very same text where it has them. */
  readonly text: string;
  /** What was added, a line each; empty where the file has this pair. */
  readonly added: readonly string[];
}

/**
 * A copy of fixtures/versions.yaml in which the newest releases can be tried. One that is not listed yet gets its day of
 * release, the registry that the file says Istio publishes to, and the range and end of support that Istio's own table has;
 * where that has none, the range of the newest published release before it. A comment says which. No range is made up, but for the
 * one minor version of Kubernetes that is to be tried.
 * @throws UsageError when the text is no valid versions file, or lists no published Istio
 */
export function withDiscovered(text: string, newest: NewestReleases): Discovered {
  const known = parseVersions(text);
  const document = parseDocument(text);
  const added = [...addKubernetes(document, known, newest), ...addIstio(document, known, newest)];
  if (added.length === 0) return { text, added };
  const written = document.toString({ lineWidth: 0 });
  parseVersions(written);
  return { text: written, added };
}

function addKubernetes(
  document: Document,
  known: VersionsFile,
  { kubernetes, k3sTag }: NewestReleases,
): string[] {
  if (Object.hasOwn(known.kubernetes, kubernetes)) return [];
  const entry = document.createNode({ k3s: `docker.io/rancher/k3s:${k3sTag}` });
  entry.commentBefore = `${unreviewed}: whether Istio supports it is unknown.`;
  document.setIn(['kubernetes', kubernetes], entry);
  return [`Kubernetes ${kubernetes}`];
}

function addIstio(
  document: Document,
  known: VersionsFile,
  { istio, istioReleased, istioSupport, kubernetes }: NewestReleases,
): string[] {
  const minor = minorOf(kubernetes);
  const listed = known.istio[istio];
  if (listed !== undefined) {
    if (listed.kubernetes.includes(minor)) return [];
    const range = document.createNode([...listed.kubernetes, minor], { flow: true });
    range.comment = ` ${minor} is not reviewed: whether Istio supports it is unknown.`;
    document.setIn(['istio', istio, 'kubernetes'], range);
    return [`Istio ${istio} on Kubernetes ${minor}`];
  }
  const [like, model] = publishedBefore(istio, known);
  const range = istioSupport?.kubernetes ?? model.kubernetes;
  const entry = document.createNode({
    kubernetes: [...new Set([...range, minor])],
    support: model.support,
    ...(istioReleased === undefined ? {} : { released: istioReleased }),
    ...(istioSupport?.ends === undefined ? {} : { supportEnds: istioSupport.ends }),
    envoy: 'unknown',
    registry: known.published.registry,
  });
  const said = [
    `The range is that of ${istioSupport === undefined ? like : "Istio's table"}${range.includes(minor) ? '.' : `, with the ${minor} that is tried.`}`,
    'The registry is the one that Istio publishes to.',
    ...(istioSupport?.ends === undefined ? ['The end of support is not known.'] : []),
  ];
  const unknown = istioSupport === undefined || !range.includes(minor);
  entry.commentBefore = `${unreviewed}${unknown ? ': whether Istio supports it is unknown' : ''}.\n ${said.join(' ')}`;
  document.setIn(['istio', istio], entry);
  return [`Istio ${istio}`];
}

/** The newest published release before this one; where all are newer, the oldest. */
function publishedBefore(istio: string, known: VersionsFile): [string, VersionsFile['istio'][string]] {
  const published = Object.entries(known.istio)
    .filter(([, { registry }]) => registry !== undefined)
    .sort(([one], [other]) => semver.rcompare(one, other));
  const model = published.find(([version]) => semver.lt(version, istio)) ?? published.at(-1);
  if (model !== undefined) return model;
  throw new UsageError(
    'fixtures/versions.yaml lists no published release of Istio.',
    'Add one: a newer one is tried with its range of Kubernetes.',
  );
}
