import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { patchesByVersion, writersFor } from './analysis.ts';
import { unknownKinds, validationOf } from './check.ts';
import { placeAbout, placeOf } from './document.ts';
import {
  belongsTo,
  fingerprintOf,
  givenAt,
  givenFrom,
  givenLines,
  givenResults,
  secretsIn,
  objectText,
} from './given.ts';

const two = `# mine
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: login
  namespace: shop
spec:
  workloadSelector: {labels: {app: web}}
  configPatches:
    - applyTo: CLUSTER
      match:
        proxy:
          proxyVersion: ^1\\.28.*
---
apiVersion: v1
kind: Namespace
metadata:
  name: shop
`;
const given = givenFrom({ manifests: [{ file: 'a.yaml', text: two }] });
const onTop = ['profile="minimal"'];

describe('manifests', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'conformance-given-test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('come from a file or a folder, each object with its line, namespaces first', async () => {
    await writeFile(join(folder, 'b.yaml'), two);
    await writeFile(join(folder, 'notes.txt'), 'no manifest');
    const read = await givenAt({ apply: [folder] });
    const file = join(folder, 'b.yaml');
    expect(read?.objects.map(({ object, file: from, line }) => [object.kind, from, line])).toEqual([
      ['Namespace', file, 15],
      ['EnvoyFilter', file, 2],
    ]);
    expect(await givenAt({ apply: [] })).toBeUndefined();
  });

  it('of a list are its items', () => {
    const text = `apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Namespace\n    metadata: {name: a}\n  - apiVersion: v1\n    kind: Namespace\n    metadata: {name: b}\n`;
    const { objects } = givenFrom({ manifests: [{ file: 'l.yaml', text }] });
    expect(objects.map(({ object, line }) => [object.metadata?.name, line])).toEqual([
      ['a', 4],
      ['b', 7],
    ]);
  });

  it.each([
    ['a: [\n', 'm.yaml:2:1 is not valid YAML'],
    ['apiVersion: v1\nkind: Namespace\n', 'm.yaml:1: this is no object of Kubernetes'],
    [`${two}---\n${two}`, 'm.yaml:21: EnvoyFilter shop/login is there already, at m.yaml:2'],
    [
      'apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: a}\n',
      'm.yaml:1: an IstioOperator is no manifest',
    ],
  ])('are refused at their line: %j', (text, message) => {
    expect(() => givenFrom({ manifests: [{ file: 'm.yaml', text }] })).toThrow(message);
  });

  it('and what is in their namespaces are not the document’s', () => {
    const isTheirs = belongsTo(given);
    const object = (kind: string, namespace: string | undefined, name: string): object => ({
      apiVersion: 'v1',
      kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    });
    expect(isTheirs(object('Namespace', undefined, 'shop'))).toBe(true);
    expect(isTheirs(object('ConfigMap', 'shop', 'kube-root-ca.crt'))).toBe(true);
    expect(isTheirs(object('ConfigMap', 'default', 'kube-root-ca.crt'))).toBe(false);
    expect(belongsTo(undefined)(object('Namespace', undefined, 'shop'))).toBe(false);
  });
});

describe('a fingerprint', () => {
  it('tells contents apart, and nothing from something', () => {
    const other = givenFrom({ manifests: [{ file: 'a.yaml', text: two.replace('login', 'log-in') }] });
    const same = givenFrom({ manifests: [{ file: 'elsewhere.yaml', text: two }] });
    expect(fingerprintOf(same)).toBe(fingerprintOf(given));
    expect(fingerprintOf(other)).not.toBe(fingerprintOf(given));
    expect(fingerprintOf(undefined)).toBe('none');
  });
});

describe('the report', () => {
  it('names files and objects, and no digest of what holds a Secret', () => {
    const secret = givenFrom({
      manifests: [
        { file: 'a.yaml', text: two },
        {
          file: 's.yaml',
          text: 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n',
        },
      ],
    });
    const { files } = givenResults(secret, onTop);
    expect(files.map(({ file, kind, objects }) => [file, kind, objects])).toEqual([
      ['a.yaml', 'manifests', ['Namespace shop', 'EnvoyFilter shop/login']],
      ['s.yaml', 'manifests', ['Secret s']],
    ]);
    expect(files[0]?.digest).toMatch(/^sha256:[0-9a-f]{12}$/);
    expect(files[1]?.digest).toBe('left out: it holds a Secret');
    expect(JSON.stringify(givenResults(secret, onTop))).not.toContain('hunter2');
    expect(secretsIn(secret)).toEqual(['hunter2', 'aHVudGVyMg==']);
    expect(secretsIn(given)).toEqual([]);
    expect(givenLines(secret, onTop)).toEqual(['3 objects of manifests']);
    expect(objectText(given, 'EnvoyFilter shop/login')).toBe('EnvoyFilter shop/login (a.yaml:2)');
  });
});

describe('what istioctl validate prints', () => {
  const printed = `2026-11-28T20:56:12.466557Z\tdebug\tFailed to decode proto: "unknown field \\"accesLogFile\\" in istio.mesh.v1alpha1.MeshConfig". Trying decode with AllowUnknownFields=true
deployment "q/:" may not provide Istio metrics and telemetry labels: map[]. See https://istio.io/
"/given/manifests.yaml" has warnings: 
\t* EnvoyFilter/shop/login: EnvoyFilter exposes internal implementation details that may change at any time.
\t* EnvoyFilter/shop/login: Envoy filter: unknown field "connect_timeouts" in envoy.config.cluster.v3.Cluster

Error: 2 errors occurred:
\t* Sidecar//b: cannot parse proto message: unknown field "egres" in istio.networking.v1alpha3.Sidecar
\t* ServiceEntry/x/a: 2 errors occurred:
\t* port number 99999 must be in the range 1..65535
`;

  it('is read object by object', () => {
    expect(validationOf(printed)).toEqual([
      {
        level: 'error',
        key: 'IstioOperator//',
        message: 'unknown field "accesLogFile" in istio.mesh.v1alpha1.MeshConfig',
      },
      {
        level: 'warning',
        key: 'EnvoyFilter/shop/login',
        message: 'Envoy filter: unknown field "connect_timeouts" in envoy.config.cluster.v3.Cluster',
      },
      {
        level: 'error',
        key: 'Sidecar//b',
        message: 'cannot parse proto message: unknown field "egres" in istio.networking.v1alpha3.Sidecar',
      },
      {
        level: 'error',
        key: 'ServiceEntry/x/a',
        message: '2 errors occurred: port number 99999 must be in the range 1..65535',
      },
    ]);
  });

  it('leads to the line of what it is about', () => {
    const document = {
      file: 'x.yaml',
      line: 11,
      text: 'kind: A\nmetadata: {name: b}\nspec:\n  egres: []\n  mode: STRICTT\n  port: 99999\n',
    };
    const line = (message: string): number => placeAbout(document, message).line;
    expect(line('unknown field "egres" in istio.Sidecar')).toBe(14);
    expect(line('unknown value "\\"STRICTT\\"" for enum X')).toBe(15);
    expect(line('port number 99999 must be in the range')).toBe(16);
    expect(line('something else')).toBe(11);
    expect(placeOf(document, ['spec', 'mode'])).toEqual({ file: 'x.yaml', line: 15 });
    expect(placeOf(document, ['spec', 'none'])).toBeUndefined();
  });
});

describe('a kind of Istio', () => {
  const crd = `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec:
  group: networking.istio.io
  names:
    kind: EnvoyFilter
  versions:
  - name: v1alpha3
    served: true
---
`;
  it('must be one that the version has', () => {
    expect(unknownKinds(given, crd, '1.29.1')).toEqual([]);
    const gone = unknownKinds(given, crd.replace('v1alpha3', 'v1'), '1.29.1');
    expect(gone).toEqual([
      {
        level: 'error',
        about: 'EnvoyFilter shop/login',
        message:
          'Istio 1.29.1 has no EnvoyFilter of networking.istio.io/v1alpha3, but of networking.istio.io/v1',
        file: 'a.yaml',
        line: 2,
      },
    ]);
  });
});

describe('an EnvoyFilter', () => {
  it('for proxies of some versions is a problem where the upgrade changes who gets it', () => {
    expect(patchesByVersion(given, '1.28.3', '1.29.1')).toMatchObject([
      {
        level: 'warning',
        file: 'a.yaml',
        line: 13,
        message: expect.stringContaining('does not get this patch any more') as string,
      },
    ]);
    expect(patchesByVersion(given, '1.28.3', '1.28.4')).toEqual([]);
  });

  it('writes the configuration of the pods that it selects', () => {
    const web = { namespace: 'shop', labels: { app: 'web' } };
    expect(writersFor(given, web, 'istio-system')).toEqual(['EnvoyFilter shop/login']);
    expect(writersFor(given, { ...web, labels: { app: 'other' } }, 'istio-system')).toEqual([]);
    expect(writersFor(given, { ...web, namespace: 'other' }, 'istio-system')).toEqual([]);
  });
});
