import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { UsageError } from '../errors.ts';
import { istioConfigIn, onTopLines, onTopOf } from './istio-config.ts';

const read = (text: string): ReturnType<typeof istioConfigIn> =>
  istioConfigIn('--istio-config', { file: 'mine.yaml', text });
const operator = (spec: string): string =>
  `apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n${spec.replace(/^/gm, '  ')}\n`;

describe('a configuration of Istio', () => {
  it('is known by its content, and Helm values mean the same as an IstioOperator', () => {
    const given = read(
      operator('meshConfig:\n  connectTimeout: 5s\nvalues:\n  pilot:\n    env: {A: b}\n  global: {x: 1}'),
    );
    const helm = read('meshConfig:\n  connectTimeout: 5s\nenv: {A: b}\nglobal: {x: 1}\n');
    expect([given.kind, helm.kind]).toEqual(['IstioOperator', 'Helm values of istiod']);
    expect(parse(helm.operator)).toEqual(parse(given.operator));
  });

  it.each([
    ['', 'the file is empty'],
    ['- a\n', 'mine.yaml:1: this is neither'],
    ['kind: Sidecar\napiVersion: networking.istio.io/v1\n', 'mine.yaml:1: this is a Sidecar'],
    ['a: [\n', 'mine.yaml:2:1 is not valid YAML'],
    [
      `${operator('profile: minimal')}---\nkind: IstioOperator\n`,
      'mine.yaml:6: --istio-config takes one document',
    ],
    [operator('profile: ambient'), 'mine.yaml:4: spec.profile is "ambient"'],
    [operator('profile: minimal\nrevision: prod'), 'mine.yaml:5: spec.revision is "prod"'],
    [operator('hub: a.example'), 'mine.yaml:4: spec.hub'],
    ['global:\n  proxy:\n    image: x\n', 'mine.yaml:3: global.proxy.image'],
    ['image: x\n', 'mine.yaml:1: image is "x"'],
    ['global:\n  tag: x\n', 'mine.yaml:2: global.tag'],
    [operator('meshConfig:\n  accessLogFile: ""'), 'mine.yaml:5: spec.meshConfig.accessLogFile is ""'],
    [
      operator('values:\n  meshConfig:\n    accessLogEncoding: JSON'),
      'mine.yaml:6: spec.values.meshConfig.accessLogEncoding',
    ],
    [
      'meshConfig:\n  defaultProviders:\n    accessLogging: [otel]\n',
      'mine.yaml:3: meshConfig.defaultProviders.accessLogging',
    ],
    [
      'meshConfig:\n  discoverySelectors:\n    - matchLabels: {a: b}\n',
      'mine.yaml:2: meshConfig.discoverySelectors',
    ],
    [operator('components:\n  cni:\n    enabled: true'), 'mine.yaml:6: spec.components.cni.enabled is true'],
  ])('is refused at its line: %j', (text, message) => {
    expect(() => read(text)).toThrow(UsageError);
    expect(() => read(text)).toThrow(message);
  });

  it('may say what the suite says', () => {
    expect(() =>
      read(
        operator('profile: default\nmeshConfig:\n  accessLogFile: /dev/stdout\n  accessLogEncoding: TEXT'),
      ),
    ).not.toThrow();
  });

  it('goes without its gateways, and says so', () => {
    const { operator: kept, leftOut } = read(
      operator(
        'components:\n  ingressGateways:\n    - name: a\n      enabled: true\n  pilot:\n    enabled: true',
      ),
    );
    expect(parse(kept)).toMatchObject({ spec: { components: { pilot: { enabled: true } } } });
    expect(kept).not.toContain('ingressGateways');
    expect(leftOut).toEqual(['mine.yaml:5 components.ingressGateways: the document has no gateway']);
  });
});

describe('what the suite sets on top', () => {
  const base = operator(
    'profile: minimal\nmeshConfig:\n  accessLogFile: /dev/stdout\n  other: 1\nvalues:\n  pilot:\n    image: ${PILOT_IMAGE}',
  );

  it('is a part of its own configuration', () => {
    expect(parse(onTopOf(base))).toMatchObject({
      kind: 'IstioOperator',
      spec: {
        profile: 'minimal',
        meshConfig: { accessLogFile: '/dev/stdout' },
        values: { pilot: { image: '${PILOT_IMAGE}' } },
      },
    });
    expect(onTopOf(base)).not.toContain('other');
    expect(onTopLines(base)).toEqual([
      'profile="minimal"',
      'meshConfig.accessLogFile="/dev/stdout"',
      'values.pilot.image=(of the image set)',
    ]);
  });
});
