import { writeLock } from '../helpers/images/source/lock-file.ts';
import { ActionableError } from '../helpers/errors.ts';
import { knownLocks, versionsFile } from '../helpers/images/versions.ts';

/** `npm run lock [NAME]`: makes the lock files of the source image set from fixtures/versions.yaml. Needs Go. */
try {
  const asked = process.argv.slice(2);
  for (const name of asked.length === 0 ? knownLocks(versionsFile()) : asked) {
    const { pins, substitutes } = await writeLock(name);
    process.stdout.write(`${name}: ${pins}\n`);
    for (const { module, wanted, version } of substitutes) {
      process.stdout.write(`  ${module} ${wanted} is not served: ${version} takes its place\n`);
    }
  }
} catch (error) {
  if (!(error instanceof ActionableError)) throw error;
  process.stderr.write(`${error.message}\n${error.hint}\n`);
  process.exitCode = error.exitCode;
}
