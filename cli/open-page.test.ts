import { spawn, type ChildProcess } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { EnvironmentError } from '../helpers/errors.ts';
import { opened } from './report.ts';

const screen = { DISPLAY: ':0' };

function opener(script: string): (address: string) => Promise<ChildProcess> {
  return (address) => Promise.resolve(spawn(process.execPath, ['-e', script, address], { stdio: 'ignore' }));
}

describe('a page that is to be opened', () => {
  it('is, where the opener ends well', async () => {
    await opened('file:///page', { start: opener(''), environment: screen, platform: 'linux' });
  });

  it.each([
    ['there is no screen', {}, opener('')],
    ['no browser was found', screen, opener('process.exit(3)')],
    ['spawn xdg-open ENOENT', screen, () => Promise.reject(new Error('spawn xdg-open ENOENT'))],
  ])('is not, because %s', async (why, environment, start) => {
    const error: unknown = await opened('file:///page', { start, environment, platform: 'linux' }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(EnvironmentError);
    expect((error as EnvironmentError).message).toBe(`The page was not opened: ${why}.`);
  });

  it('is, where the opener has become the browser and stays', async () => {
    let child: ChildProcess | undefined;
    try {
      await opened('file:///page', {
        start: async (address) => {
          child = await opener('setInterval(() => undefined, 1000)')(address);
          return child;
        },
        environment: screen,
        platform: 'linux',
      });
    } finally {
      child?.kill('SIGKILL');
    }
  });
});
