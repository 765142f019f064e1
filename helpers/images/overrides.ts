import { UsageError } from '../errors.ts';
import { parseReference } from './reference.ts';
import { roles, type ImageSource, type Role } from './roles.ts';

/** Images to take instead of the set's own. */
export type Overrides = Readonly<Partial<Record<Role, string>>>;

const form = `ROLE=REFERENCE with a tag, e.g. --image squid=registry.example.com/squid:6.1. Roles: ${roles.join(', ')}.`;

/** Roles whose images Istio's settings and the node's contract do not depend on, so that they fit the source set too. */
const free: readonly Role[] = ['squid', 'curl', 'origin'];

/**
 * One more image, as `ROLE=REFERENCE`.
 * @throws UsageError naming what is wrong, with the right form
 */
export function withOverride(text: string, earlier: Overrides): Overrides {
  const equals = text.indexOf('=');
  const role = roles.find((known) => known === text.slice(0, equals));
  const reference = text.slice(equals + 1);
  if (role === undefined) throw wrong(text, 'it does not begin with a role and =');
  const problem = problemOf(reference);
  if (problem !== undefined) throw wrong(text, problem);
  if (earlier[role] !== undefined) throw wrong(text, `${role} was given before`);
  return { ...earlier, [role]: reference };
}

/** @throws UsageError for roles of the source set that belong together */
export function overridesMustFit(overrides: Overrides, source: ImageSource): void {
  if (source === 'registry') return;
  const bound = roles.filter((role) => overrides[role] !== undefined && !free.includes(role));
  if (bound.length === 0) return;
  throw new UsageError(
    `--image ${bound.join(', ')}: in the set built from source these belong together (stock Envoy, the stand-in node).`,
    `Take --images registry or a mirror with it; with the source set ${free.join(', ')} can be replaced.`,
  );
}

function problemOf(reference: string): string | undefined {
  if (reference === '') return 'the reference is missing';
  if (/^[a-z]+:\/\//i.test(reference)) return 'image names have no scheme';
  if (reference.includes('@')) return 'an archive names images by tags, a digest would be lost in it';
  if (!/^[^\s/]+(\/[^\s/]+)*$/.test(reference)) return 'it is not the name of an image';
  const { version } = parseReference(reference);
  // Without a tag Docker means latest, and what latest is changes from one day to the next.
  if (version === 'latest') return 'it needs a tag that stays what it is, not latest';
  return undefined;
}

function wrong(text: string, problem: string): UsageError {
  return new UsageError(`--image ${text}: ${problem}.`, form);
}
