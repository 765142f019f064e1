import { z } from 'zod';
import { roles } from '../images/roles.ts';

/** More passes would take days, and a report nobody can open. */
export const maxRepeat = 1000;

/** Everything a user can choose, validated. Printed at the start of a run and kept in its report. */
export const configurationSchema = z.object({
  /** Version of Istio, e.g. `1.29.1`; undefined takes the default of fixtures/versions.yaml. */
  istio: z.string().optional(),
  /** Version of Kubernetes, e.g. `1.35.4`. */
  k8s: z.string().optional(),
  /** Where images come from; a mirror as `mirror=HOST[:PORT][/PREFIX]`. */
  images: z
    .union([z.enum(['auto', 'registry', 'source']), z.templateLiteral(['mirror=', z.string().min(1)])])
    .default('auto'),
  /** Images taken instead of the set's own, by role. */
  image: z.partialRecord(z.enum(roles), z.string()).default({}),
  target: z.enum(['auto', 'live', 'hermetic']).default('auto'),
  injection: z.enum(['auto', 'manual']).default('auto'),
  /** Ids of steps to run, with the steps they need; empty runs all. */
  steps: z.array(z.string()).default([]),
  /** How many times the steps run on the one cluster; more than once measures how stable they are. */
  repeat: z.number().int().min(1).max(maxRepeat).default(1),
  keep: z.boolean().default(false),
  reportDir: z.string().default('reports'),
});

export type Configuration = z.infer<typeof configurationSchema>;
