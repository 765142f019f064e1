import { execa } from 'execa';

/**
 * A command to run another one by, after a script that changes what the two see of this machine, and nobody else: its
 * mounts are theirs, and go with them.
 * @param script For `sh -e`, as root; users other than root need to be root of a namespace first
 * @param options.user In a user namespace of its own in any case, whose limits (/proc/sys/user) are its own
 */
export function unshared(script: string, options: { readonly user?: boolean } = {}): [string, ...string[]] {
  const mapped = options.user === true || process.getuid?.() !== 0;
  const flags = mapped ? ['--user', '--map-root-user', '--mount'] : ['--mount'];
  return ['unshare', ...flags, 'sh', '-ec', `${script}\nexec "$@"`, 'sh'];
}

/** Why a command cannot be run by another one here; undefined when it can. */
export async function prefixImpossible(prefix: readonly string[]): Promise<string | undefined> {
  const [command = '', ...args] = prefix;
  const { failed, shortMessage, stderr } = await execa(command, [...args, 'true'], {
    reject: false,
    stdin: 'ignore',
  });
  return failed ? `${command} does not do this here: ${stderr === '' ? shortMessage : stderr}` : undefined;
}
