import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EnvironmentError, messageOf } from '../errors.ts';

export const gigabyte = 1024 ** 3;

const makeRoom =
  'Free some, or set CONFORMANCE_CACHE_DIR to a folder on another disk. `docker system df` shows what the engine holds.';

/**
 * @param purpose What the space is for, e.g. `building the images from source`
 * @throws EnvironmentError when the folder's file system has less free space than needed
 */
export async function mustHaveSpace(
  folder: string,
  neededBytes: number,
  purpose: string,
  hint = makeRoom,
): Promise<void> {
  const error = tooLittleSpace(await freeBytes(folder), folder, neededBytes, purpose, hint);
  if (error !== undefined) throw error;
}

/** The error where a folder's free space does not suffice. */
export function tooLittleSpace(
  free: number,
  folder: string,
  neededBytes: number,
  purpose: string,
  hint = makeRoom,
): EnvironmentError | undefined {
  if (free >= neededBytes) return undefined;
  return new EnvironmentError(
    `Too little space for ${purpose}: ${folder} has ${gigabytes(free)} free, ${gigabytes(neededBytes)} are needed.`,
    hint,
    { code: 'DISK_FULL' },
  );
}

/** A full disk explained; any other error as it is. */
export function explainDisk(error: unknown, folder: string): unknown {
  const full =
    (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) ||
    /no space left on device/i.test(messageOf(error));
  if (!full) return error;
  return new EnvironmentError(
    `The disk is full: ${messageOf(error)} (${folder}, or where the engine keeps its images)`,
    'Free some space, or set CONFORMANCE_CACHE_DIR to a folder on another disk.',
    { cause: error, code: 'DISK_FULL' },
  );
}

/** Free bytes for this user where `folder` is or would be. */
export async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(folder);
    if (parent === folder) throw error;
    return freeBytes(parent);
  }
}

/** `3.2 GB`, of 1024³ bytes each. */
export function gigabytes(bytes: number): string {
  return `${(bytes / gigabyte).toFixed(1)} GB`;
}

/** `131 MB`, of a million bytes each. */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
