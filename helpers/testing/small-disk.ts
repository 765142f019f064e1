import { prefixImpossible, unshared } from './namespaces.ts';

/** A command to run another one by, whose cache folder is on a disk of 1 MB: a folder of the current one. */
export const onSmallDisk = unshared(`
mkdir -p small-disk
mount -t tmpfs -o size=1m tmpfs small-disk
export CONFORMANCE_CACHE_DIR="$PWD/small-disk"`);

/** Why there can be no such disk here; undefined when there can. */
export function smallDiskImpossible(): Promise<string | undefined> {
  return prefixImpossible(unshared('mount -t tmpfs -o size=1m tmpfs /mnt'));
}
