import { UsageError } from '../errors.ts';
import type { ImageSource } from './roles.ts';
import { parseReference } from './reference.ts';

/** What `--images` may say. */
export type ImageChoice = 'auto' | ImageSource | `mirror=${string}`;

/** Copies of the published images under other names. */
export interface Mirror {
  /** As it was given, after `mirror=`. */
  readonly given: string;
  /** The name that a published reference has in the mirror. @throws UsageError when the mirror has no place for its registry */
  readonly nameOf: (reference: string) => string;
}

const form =
  'A mirror is HOST[:PORT][/PREFIX], e.g. --images mirror=harbor.example.com/dockerhub. Where each registry has a place of ' +
  'its own: mirror=docker.io=HOST/PREFIX,registry.istio.io=HOST/OTHER. No scheme, no tag, no slash at the end.';

// The grammar of github.com/distribution/reference, in which Docker and containerd read names.
const host =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;
const component = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;

/** @throws UsageError naming what is wrong, with the right form */
export function parseImageChoice(text: string): ImageChoice {
  if (text === 'auto' || text === 'registry' || text === 'source') return text;
  if (text.startsWith('mirror=')) {
    parseMirror(text.slice('mirror='.length));
    return text as ImageChoice;
  }
  const nearly = text === 'mirror' || text.startsWith('mirror:');
  throw new UsageError(
    `--images ${text === '' ? "''" : text} is none of auto, registry, source, mirror=HOST[:PORT][/PREFIX].`,
    nearly
      ? form
      : 'Published images are `registry`, those built here `source`, copies of the published ones `mirror=HOST`.',
  );
}

/** The mirror that a choice names, undefined when it names none. @throws UsageError as `parseImageChoice` */
export function mirrorOf(choice: ImageChoice): Mirror | undefined {
  return choice.startsWith('mirror=') ? parseMirror(choice.slice('mirror='.length)) : undefined;
}

/**
 * A mirror as pull-through caches (Harbor, Artifactory, ECR, Nexus) and copied registries have it: the upstream's host is
 * replaced, the repository's path and tag stay, and Docker Hub's own images keep their `library/`.
 * @param given `HOST[:PORT][/PREFIX]`, or several `REGISTRY=HOST[:PORT][/PREFIX]` with commas between
 * @throws UsageError with the right form
 */
export function parseMirror(given: string): Mirror {
  const places = new Map<string, string>();
  for (const item of given.split(',')) {
    const equals = item.indexOf('=');
    const registry = equals < 0 ? '' : item.slice(0, equals);
    const place = item.slice(equals + 1);
    if (equals >= 0 && !isRegistry(registry))
      throw wrong(given, `“${registry}” is not the name of a registry`);
    const problem = problemOf(place);
    if (problem !== undefined) throw wrong(given, problem);
    if (places.has(registry)) {
      throw wrong(
        given,
        registry === '' ? 'it has more than one place for all registries' : `${registry} is in it twice`,
      );
    }
    places.set(registry, place);
  }
  return {
    given,
    nameOf: (reference) => {
      const { registry, repository, version } = parseReference(reference);
      const place = places.get(registry) ?? places.get('');
      if (place === undefined)
        throw wrong(given, `it has no place for ${registry}, which ${reference} is from`);
      return `${place}/${repository}${version.startsWith('sha256:') ? '@' : ':'}${version}`;
    },
  };
}

/**
 * The mirror's names of published references.
 * @throws UsageError when two images would have one name, which two registries behind one prefix can bring about
 */
export function mirrored<Key extends string>(
  references: Readonly<Record<Key, string>>,
  mirror: Mirror,
): Record<Key, string> {
  const origins = new Map<string, string>();
  const named = Object.entries<string>(references).map(([key, reference]) => {
    const name = mirror.nameOf(reference);
    const other = origins.get(name) ?? reference;
    if (other !== reference) {
      throw wrong(
        mirror.given,
        `${other} and ${reference} would both be ${name}; give each registry a prefix`,
      );
    }
    origins.set(name, reference);
    return [key, name];
  });
  return Object.fromEntries(named) as Record<Key, string>;
}

function problemOf(place: string): string | undefined {
  if (place === '') return 'the host is missing';
  if (/^[a-z]+:\/\//i.test(place)) return 'it has a scheme: image names have none, engines ask by HTTPS';
  if (/\s/.test(place)) return 'it has a space in it';
  if (place.endsWith('/')) return 'it ends with a slash';
  if (place.includes('@')) return 'it has an @ in it: credentials come from `docker login`';
  const [registry = '', ...path] = place.split('/');
  if (!host.test(registry)) return `“${registry}” is not a host`;
  if (!isRegistry(registry)) {
    return `“${registry}” has neither dot nor port, so an engine takes it for a user of Docker Hub`;
  }
  const bad = path.find((part) => !component.test(part));
  if (bad === undefined) return undefined;
  if (bad === '') return 'it has two slashes side by side';
  if (bad.includes(':')) return `“${bad}” has a tag; the tags are those of the published images`;
  return `“${bad}” cannot be part of an image's name: small letters, digits, and . _ - between them`;
}

/** Whether Docker would read it as the host of a reference. */
function isRegistry(name: string): boolean {
  return host.test(name) && (/[.:]/.test(name) || name === 'localhost');
}

function wrong(given: string, problem: string): UsageError {
  return new UsageError(`--images mirror=${given}: ${problem}.`, form);
}
