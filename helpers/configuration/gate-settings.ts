import { z } from 'zod';

/** What the gate is asked to do, beside a run's configuration: its own flags, and `gate` in a configuration file. */
export const gateSettingsSchema = z.object({
  /** Version of Istio that the mesh comes from. */
  from: z.string().optional(),
  /** Version of Istio that it is to go to. */
  to: z.string().optional(),
  /** A revision beside the old one, or the control plane replaced. */
  strategy: z.enum(['canary', 'in-place']).default('canary'),
  /** Back after the first namespace of a canary. */
  rollback: z.boolean().default(false),
  /** Changes of log or configuration that nobody has reviewed are red. */
  strict: z.boolean().default(false),
  /** Try a pair that Istio does not support. */
  allowUnsupported: z.boolean().default(false),
});

export type GateSettings = z.infer<typeof gateSettingsSchema>;
