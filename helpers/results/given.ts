import { z } from 'zod';

/** The part of results.json that tells which configuration of the user's a mesh had; no contents of it. */
export const givenResults = z.object({
  files: z.array(
    z.object({
      file: z.string().describe('as the user said it'),
      kind: z.enum(['IstioOperator', 'Helm values of istiod', 'manifests']),
      digest: z.string().describe('the beginning of its SHA-256; left out for a file that holds a Secret'),
      objects: z.array(z.string()).describe('`Kind namespace/name` of each object in it'),
    }),
  ),
  onTop: z.array(z.string()).describe('what the suite set on top of it, as `path=value`'),
  leftOut: z.array(z.string()).describe('what of it was not used, and why'),
});
export type GivenResults = z.infer<typeof givenResults>;
