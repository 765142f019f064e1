import { z } from 'zod';
import type { ImageSetRequest } from '../references.ts';
import { roles } from '../roles.ts';

/** First entry of a file that carries a set: what is in it. */
export const manifestEntry = 'conformance/set.json';
/** Last entry: the sha256 of every other one, by name. A file that was cut off has none. */
export const checksumsEntry = 'conformance/sha256.json';

export const manifestSchema = z.object({
  format: z.literal('istio-external-proxy-conformance image set 1'),
  createdAt: z.string(),
  architecture: z.enum(['amd64', 'arm64']),
  istio: z.string(),
  kubernetes: z.string(),
  source: z.enum(['registry', 'source']),
  /** As given to `--images mirror=`. */
  mirror: z.string().optional(),
  /** As given to `--image`. */
  overrides: z.partialRecord(z.enum(roles), z.string()),
  images: z.array(
    z.object({
      role: z.enum([...roles, 'system']),
      reference: z.string(),
      /** Image ID in the engine that saved it. */
      digest: z.string(),
      sizeBytes: z.number(),
    }),
  ),
});

/** What a file carries: versions, where its images are from, their names and digests. */
export type SetManifest = z.infer<typeof manifestSchema>;

export const checksumsSchema = z.record(z.string(), z.string());

export function requestOf({ istio, kubernetes, source, mirror, overrides }: SetManifest): ImageSetRequest {
  return { istio, kubernetes, source, overrides, ...(mirror === undefined ? {} : { mirror }) };
}
