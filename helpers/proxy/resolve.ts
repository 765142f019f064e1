import { isIP } from 'node:net';
import type { Kube } from '../kube/client.ts';
import { exec, type PodRef } from '../kube/exec.ts';
import { timeouts } from '../timeouts.ts';

/**
 * Resolves a name in a pod, by the nslookup that images of curl have (busybox's, bind's).
 * @throws Error with what nslookup said when it finds none
 */
export async function resolveIn(kube: Kube, client: PodRef, name: string): Promise<string[]> {
  const { stdout, stderr } = await exec(kube, client, ['nslookup', name], { timeoutMs: timeouts.probe * 2 });
  const found = addressesIn(stdout);
  if (found.length > 0) return found;
  const said = `${stdout}\n${stderr}`
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(Server|Address)\b/i.test(line));
  throw new Error(said.join('; ') || 'nslookup found nothing');
}

/** The answer's addresses, without the server's own, which comes first. */
export function addressesIn(output: string): string[] {
  const answer = output.slice(output.search(/^Name:/m));
  if (!answer.startsWith('Name:')) return [];
  const all = [...answer.matchAll(/^Address(?: \d+)?:\s*(\S+)/gm)].map(([, address = '']) => address);
  return [...new Set(all.filter((address) => isIP(address) !== 0))].sort();
}
