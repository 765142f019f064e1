import { stringify } from 'yaml';
import type { ApiObject } from './api.ts';

/** Objects as YAML documents, without the book-keeping of who manages which field. */
export function manifests(objects: readonly ApiObject[]): string {
  if (objects.length === 0) return '# none\n';
  return objects
    .map((object) => `---\n${stringify(withoutManagedFields(object), { lineWidth: 0 })}`)
    .join('');
}

function withoutManagedFields(object: ApiObject): ApiObject {
  const { metadata } = object;
  if (typeof metadata !== 'object' || metadata === null) return object;
  return { ...object, metadata: { ...metadata, managedFields: undefined } };
}
