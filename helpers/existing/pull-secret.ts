import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, UsageError } from '../errors.ts';
import { apply } from '../kube/apply.ts';
import type { Kube } from '../kube/client.ts';
import { pullSecretName } from './existing.ts';

const configuration = z.looseObject({ auths: z.record(z.string(), z.looseObject({})) });

/**
 * A registry's credentials as `docker login` writes them (`~/.docker/config.json`).
 * @throws UsageError when the file is none of that kind
 */
export async function readPullSecret(file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    const { auths } = configuration.parse(JSON.parse(text));
    // Credentials that a helper program keeps are not in the file, and the cluster cannot ask it.
    if (!Object.values(auths).some((entry) => 'auth' in entry || 'identitytoken' in entry)) {
      throw new Error('it holds no credentials (a credsStore keeps them elsewhere)');
    }
    return JSON.stringify({ auths });
  } catch (error) {
    throw new UsageError(
      `--pull-secret ${file}: ${messageOf(error)}`,
      'Say a file as docker login writes it: {"auths": {"registry.example": {"auth": "…"}}}.',
      { cause: error },
    );
  }
}

/** Puts it where pods of the namespace find it. */
export async function placePullSecret(kube: Kube, namespace: string, text: string): Promise<void> {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: pullSecretName, namespace },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': text },
  };
  await apply(kube, [secret]);
}
