import type { Configuration } from '../helpers/configuration/configuration.ts';
import { rbacManifest, type RbacRequest } from '../helpers/existing/rbac.ts';
import { namespacesOf } from '../helpers/session/existing-session.ts';
import { namespacesMustFit } from '../helpers/session/surroundings.ts';

/**
 * `conformance rbac`: what an administrator applies so that somebody without rights may run the suite.
 * @throws UsageError for names that cannot be namespaces
 */
export function printRbac(configuration: Configuration, whom: Omit<RbacRequest, 'namespaces'>): void {
  namespacesMustFit(configuration);
  process.stdout.write(rbacManifest({ ...whom, namespaces: namespacesOf(configuration) }));
}
