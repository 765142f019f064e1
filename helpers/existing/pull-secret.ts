import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { kubeObject } from '../kube/manifests.ts';
import { attempt, thrownAs, UsageError } from '../errors.ts';
import { apply } from '../kube/apply.ts';
import type { Kube } from '../kube/client.ts';
import { pullSecretName } from './existing.ts';

const configuration = z.looseObject({ auths: z.record(z.string(), z.looseObject({})) });

/**
 * A registry's credentials as `docker login` writes them (`~/.docker/config.json`).
 * @throws UsageError when the file is none of that kind
 */
export async function readPullSecret(file: string): Promise<string> {
  const hint = 'Say a file as docker login writes it: {"auths": {"registry.example": {"auth": "…"}}}.';
  const wrong = thrownAs(UsageError, `--pull-secret ${file}`, hint);
  const text = await readFile(file, 'utf8').catch(wrong);
  const { auths } = attempt(() => configuration.parse(JSON.parse(text)), wrong);
  // Credentials that a helper program keeps are not in the file, and the cluster cannot ask it.
  if (Object.values(auths).some((entry) => 'auth' in entry || 'identitytoken' in entry)) {
    return JSON.stringify({ auths });
  }
  throw new UsageError(
    `--pull-secret ${file}: it holds no credentials (a credsStore keeps them elsewhere)`,
    hint,
  );
}

/** Puts it where pods of the namespace find it. */
export async function placePullSecret(kube: Kube, namespace: string, text: string): Promise<void> {
  const fields = { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': text } };
  await apply(kube, [kubeObject('Secret', { name: pullSecretName, namespace }, fields)]);
}
