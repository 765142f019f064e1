import { execa } from 'execa';

/** A mount is seen by nobody else, and goes with the process; users other than root need to be root of a namespace first. */
const alone = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
const script = `
mkdir -p small-disk
mount -t tmpfs -o size=1m tmpfs small-disk
export CONFORMANCE_CACHE_DIR="$PWD/small-disk"
exec "$@"`;

/** A command to run another one by, whose cache folder is on a disk of 1 MB: a folder of the current one. */
export const onSmallDisk = ['unshare', ...alone, 'sh', '-ec', script, 'sh'] as const;

/** Why there can be no such disk here; undefined when there can. */
export async function smallDiskImpossible(): Promise<string | undefined> {
  const mount = ['sh', '-ec', 'mount -t tmpfs -o size=1m tmpfs /mnt', 'sh'];
  const { failed, shortMessage, stderr } = await execa('unshare', [...alone, ...mount], {
    reject: false,
    stdin: 'ignore',
  });
  return failed ? `a file system cannot be mounted: ${stderr === '' ? shortMessage : stderr}` : undefined;
}
