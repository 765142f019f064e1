import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { mirrored, mirrorOf, parseImageChoice, parseMirror } from './mirror.ts';

describe('parseImageChoice', () => {
  it.each([
    'auto',
    'registry',
    'source',
    'mirror=localhost:5000',
    'mirror=10.0.0.1/a/b',
    'mirror=[::1]:5000',
  ])('takes %s', (choice) => {
    expect(parseImageChoice(choice)).toBe(choice);
  });

  it.each([
    ['mirror=', 'the host is missing'],
    ['mirror=https://harbor.example.com', 'it has a scheme'],
    ['mirror=harbor.example.com/', 'it ends with a slash'],
    ['mirror=harbor.example.com/hub/', 'it ends with a slash'],
    ['mirror=harbor.example.com//hub', 'two slashes'],
    ['mirror=harbor', 'has neither dot nor port'],
    ['mirror=harbor.example.com/Hub', '“Hub” cannot be part'],
    ['mirror=harbor.example.com/hub:1.29.1', 'has a tag'],
    ['mirror=user@harbor.example.com', 'docker login'],
    ['mirror=harbor.example.com:port', 'is not a host'],
    ['mirror=harbor .example.com', 'it has a space'],
    ['mirror=a.example.com,b.example.com', 'more than one place'],
    ['mirror=docker.io=a.example.com,docker.io=b.example.com', 'docker.io is in it twice'],
    ['mirror=hub=a.example.com', '“hub” is not the name of a registry'],
  ])('refuses %s with the right form', (choice, problem) => {
    const parse = (): unknown => parseImageChoice(choice);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(problem);
    expect(parse).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('HOST[:PORT][/PREFIX]') as string }),
    );
  });

  it.each(['mirror', 'mirror:harbor.example.com', 'hub', ''])('refuses “%s”', (choice) => {
    expect(() => parseImageChoice(choice)).toThrow(/is none of auto, registry, source, mirror=/);
  });
});

it('names no mirror where none was asked for', () => {
  expect(mirrorOf('registry')).toBeUndefined();
  expect(mirrorOf('mirror=localhost:5000')?.given).toBe('localhost:5000');
});

describe('names in a mirror', () => {
  it.each([
    ['localhost:5000', 'docker.io/istio/pilot:1.29.1', 'localhost:5000/istio/pilot:1.29.1'],
    ['harbor.example.com/hub', 'docker.io/library/nginx:1.28', 'harbor.example.com/hub/library/nginx:1.28'],
    ['harbor.example.com/hub', 'nginx:1.28', 'harbor.example.com/hub/library/nginx:1.28'],
    ['a.example.com/b/c', 'registry.istio.io/release/pilot:1.30.4', 'a.example.com/b/c/release/pilot:1.30.4'],
    [
      'docker.io=a.example.com/hub,registry.istio.io=a.example.com/istio',
      'registry.istio.io/release/pilot:1.30.4',
      'a.example.com/istio/release/pilot:1.30.4',
    ],
    ['a.example.com,docker.io=b.example.com', 'registry.istio.io/x:1', 'a.example.com/x:1'],
    ['a.example.com', 'docker.io/istio/pilot@sha256:0f', 'a.example.com/istio/pilot@sha256:0f'],
  ])('%s has %s as %s', (mirror, published, name) => {
    expect(parseMirror(mirror).nameOf(published)).toBe(name);
  });

  it('refuses an image of a registry that it has no place for', () => {
    const mirror = parseMirror('docker.io=a.example.com');
    expect(() => mirror.nameOf('registry.istio.io/release/pilot:1.30.4')).toThrow(
      /no place for registry\.istio\.io, which registry\.istio\.io\/release\/pilot:1\.30\.4 is from/,
    );
  });

  it('refuses one name for two images, and allows one image twice', () => {
    const mirror = parseMirror('a.example.com');
    expect(() =>
      mirrored({ pilot: 'x.example.com/pilot:1', squid: 'y.example.com/pilot:1' }, mirror),
    ).toThrow(/x\.example\.com\/pilot:1 and y\.example\.com\/pilot:1 would both be a\.example\.com\/pilot:1/);
    expect(mirrored({ curl: 'x.example.com/a:1', origin: 'x.example.com/a:1' }, mirror)).toEqual({
      curl: 'a.example.com/a:1',
      origin: 'a.example.com/a:1',
    });
  });
});
