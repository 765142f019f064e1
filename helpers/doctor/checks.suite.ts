import { readFileSync } from 'node:fs';
import semver from 'semver';
import { failed, ok, type Check, type Finding } from './check.ts';

const group = 'This suite';

/** What `package.json` asks of Node.js. */
export function nodeAskedFor(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { engines: { node: string } }).engines.node;
}

export const nodeCheck: Check = {
  id: 'node',
  group,
  quick: true,
  look: () => nodeFinding(process.versions.node, nodeAskedFor()),
};

export function nodeFinding(version: string, asked: string): Finding {
  if (semver.satisfies(version, asked)) return ok(`Node.js ${version} (${asked} is asked for)`);
  return failed(
    `Node.js ${version} is too old: ${asked} is asked for`,
    './conformance gets one from npm by itself; or install it, and have `node` be it.',
  );
}

/** Files that a user may have changed: their own reader says what is wrong. */
export function fileCheck(id: string, read: () => Promise<string>): Check {
  return { id, group, look: async () => ok(await read()) };
}
