import type { Configuration } from '../../helpers/configuration/configuration.ts';
import type { Change } from '../fault.ts';
import type { CompanyProxy, Fields, HealthyRig } from './rig.ts';

/** An ordinary configuration of a mesh in which the document holds: the suite must be green in it. */
export interface HealthyMesh extends Change<HealthyRig> {
  /** Merged into the mesh's configuration (meshConfig); a list replaces a list. */
  readonly meshConfig?: Fields;
  /** Environment variables of istiod. */
  readonly istiod?: Readonly<Record<string, string>>;
  /** The run makes its namespaces itself; elsewhere they exist, as `conformance rbac` prints them, which is quicker. */
  readonly makesNamespaces?: true;
  /** The run is for the company's own proxy, by the address of one of its machines unless by its name. */
  readonly proxy?: CompanyProxy;
  readonly settings?: Partial<Configuration>;
}

/** As the tables have it: with the id as its key. */
export type HealthyMeshEntry = Omit<HealthyMesh, 'id'>;
