import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const run = promisify(execFile);

it('runs tests twice in one process, imports in between, and leaves it its exit and its listeners', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(
    join(folder, 'a.test.js'),
    `import { it } from ${JSON.stringify(import.meta.resolve('vitest'))};\nit('a', () => undefined);\n`,
  );
  const program = `
    import { createVitest } from ${JSON.stringify(import.meta.resolve('vitest/node'))};
    import { thisThread } from ${JSON.stringify(new URL('this-thread.ts', import.meta.url).href)};
    const { exit } = process;
    for (const round of [1, 2]) {
      const ended = (modules) => console.log(round, modules.map((module) => module.state()).join());
      const vitest = await createVitest({
        root: ${JSON.stringify(folder)}, config: false, watch: false, pool: thisThread, disableConsoleIntercept: true,
        experimental: { viteModuleRunner: false, nodeLoader: false }, reporters: [{ onTestRunEnd: ended }],
      });
      await vitest.start();
      await vitest.close();
      console.log('listeners:', process.listenerCount('unhandledRejection'));
      await import('data:text/javascript,//' + round);
    }
    process.exit(7);`;
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const ended = run(process.execPath, ['--input-type=module', '--eval', program], { cwd, timeout: 30_000 });
  const { code, stdout } = await ended.then(
    () => ({ code: 0, stdout: '' }),
    (error: unknown) => error as { code: number | null; stdout: string },
  );
  expect(stdout).toBe('1 passed\nlisteners: 0\n2 passed\nlisteners: 0\n');
  expect(code).toBe(7);
});
