import type { Command } from 'commander';
import { allFaults } from '../faults/index.ts';
import { podRoles } from '../helpers/images/roles.ts';
import { versionsFile } from '../helpers/images/versions.ts';
import { defaultEdition } from '../fixtures/document/editions.ts';
import { everyStep } from '../suites/steps.ts';
import { bashCompletion } from './completion/bash.ts';
import { fishCompletion } from './completion/fish.ts';
import { completedCommands, type KnownValues } from './completion/tree.ts';
import { zshCompletion } from './completion/zsh.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The text that a shell reads to complete the program's command lines. */
export function completion(shell: Shell, program: Command): string {
  const commands = completedCommands(program, knownValues());
  const write = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }[shell];
  return write(program.name(), commands);
}

function knownValues(): KnownValues {
  const { istio, kubernetes } = versionsFile();
  const versions = Object.keys(istio);
  return {
    options: {
      '--istio': versions,
      '--from': versions,
      '--to': versions,
      '--k8s': Object.keys(kubernetes),
      '--images': ['auto', 'registry', 'source', 'mirror='],
      '--image': ['k3s', 'istioctl', ...podRoles].map((role) => `${role}=`),
      '--step': everyStep({ edition: defaultEdition }).map(({ id }) => id),
    },
    arguments: { faults: allFaults.map(({ id }) => id) },
  };
}
