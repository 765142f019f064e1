import { describe, expect, it } from 'vitest';
import { parseManifests, render } from './manifests.ts';

describe('parseManifests', () => {
  it('gives every object and leaves empty documents out', () => {
    const text =
      '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n';
    expect(parseManifests(text, 'x.yaml').map(({ kind }) => kind)).toEqual(['Namespace', 'Pod']);
  });

  it('names the file of what is not YAML or no object', () => {
    expect(() => parseManifests('a: [', 'x.yaml')).toThrow(/^x\.yaml is not valid YAML/);
    expect(() => parseManifests('kind: Pod', 'x.yaml')).toThrow(
      /^x\.yaml holds a document without apiVersion/,
    );
  });
});

describe('render', () => {
  it('fills names in, and refuses one without a value', () => {
    expect(render('- ${PROXY_IP}/32', { PROXY_IP: '10.0.0.1' }, 'x.yaml')).toBe('- 10.0.0.1/32');
    expect(() => render('${PROXY_IP}', {}, 'x.yaml')).toThrow('x.yaml asks for ${PROXY_IP}');
  });
});
