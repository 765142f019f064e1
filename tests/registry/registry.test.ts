import { createReadStream } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { eachEntry } from '../../helpers/images/tar-entries.ts';
import { resolveVersions, systemReferences } from '../../helpers/images/versions.ts';
import { results } from '../../helpers/results/results.ts';
import { startOf } from '../../faults/checkout.ts';
import { limitedRegistry } from '../../faults/environment.ts';
import { localRegistry, registryUser, type LocalRegistry } from '../support/local-registry.ts';
import { fillRegistry, forgetImages } from './test-images.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const suite = startOf(root);
const [node, ...main] = suite.command;
// Published, and built from source as well.
const versions = resolveVersions({ istio: '1.31.0' });
/** Variables count for runs alone. */
const ofVersion = ['--istio', versions.istio];

let registry: LocalRegistry;
/** The user's machine: an empty cache and no login. */
let folder: string;
let cache: string;
let noLogin: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'conformance-mirror-')));
  cache = join(folder, 'cache');
  noLogin = join(folder, 'no-login');
  await mkdir(noLogin);
  registry = await localRegistry();
  await fillRegistry(registry, versions);
});

afterAll(async () => {
  await forgetImages(registry.host);
  await registry[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Ended {
  readonly exitCode: number | undefined;
  readonly output: string;
}

async function conformance(
  args: readonly string[],
  login = noLogin,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { exitCode, all } = await execa(node, [...main, ...args], {
    cwd: folder,
    env: {
      ...suite.env,
      CONFORMANCE_CACHE_DIR: cache,
      CONFORMANCE_ISTIO: versions.istio,
      DOCKER_CONFIG: login,
      ...env,
    },
    extendEnv: false,
    all: true,
    reject: false,
    stdin: 'ignore',
    // It removes its cluster first.
    forceKillAfterDelay: 60_000,
    timeout: 540_000,
  });
  return { exitCode, output: all };
}

async function latest(): Promise<z.infer<typeof results>> {
  return results.parse(JSON.parse(await readFile(join(folder, 'reports/latest/results.json'), 'utf8')));
}

test('without a login the registry’s refusal is explained', async () => {
  const { exitCode, output } = await conformance(['run', '--images', `mirror=${registry.host}`]);
  expect(output).toContain(`${registry.host}/rancher/k3s:`);
  expect(output).toContain(`The registry wants a login: \`docker login ${registry.host}\``);
  expect(output).not.toMatch(/^ {4}at /m);
  expect(exitCode).toBe(3);
});

test('a credential helper that is missing is named beside the refusal', async () => {
  const login = await helperLogin('conformance-missing');
  const { exitCode, output } = await conformance(
    ['images', 'pull', ...ofVersion, '--images', `mirror=${registry.host}`],
    login,
  );
  expect(output).toContain(`The registry wants a login: \`docker login ${registry.host}\``);
  expect(output).toContain('docker-credential-conformance-missing, which cannot be run here');
  expect(exitCode).toBe(3);
});

test('an image that the mirror does not have is named, to a login by a credential helper', async () => {
  const mirror = `${registry.host}/other`;
  const { username, password } = registryUser;
  const answer = JSON.stringify({ ServerURL: registry.host, Username: username, Secret: password });
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const helper = join(bin, 'docker-credential-conformance-test');
  await writeFile(
    helper,
    `#!/bin/sh\nread -r server\n[ "$1 $server" = "get ${registry.host}" ] && echo '${answer}'\n`,
  );
  await chmod(helper, 0o755);
  const { exitCode, output } = await conformance(
    ['images', 'pull', ...ofVersion, '--images', `mirror=${mirror}`],
    await helperLogin('conformance-test'),
    { PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` },
  );
  // Strangers learn nothing of what is there and what is not.
  expect(output).not.toContain('docker login');
  expect(output).toContain(`${mirror}/rancher/k3s:`);
  expect(output).toContain(`./conformance images list --images mirror=${mirror}`);
  expect(exitCode).toBe(3);
});

test('a mirror that limits pulls is explained', async () => {
  await using limited = await limitedRegistry();
  const { exitCode, output } = await conformance(['run', '--images', `mirror=${limited.host}`]);
  expect(output).toContain('REGISTRY_LIMIT');
  expect(output).toContain(`The mirror ${limited.host}, or the registry behind it, limits pulls`);
  expect(exitCode).toBe(3);
});

test('with a login the document is green, by the published images’ code path', async () => {
  const { exitCode, output } = await conformance(
    ['run', '--images', `mirror=${registry.host}`],
    registry.login,
  );
  expect(output).toContain(`images: mirror=${registry.host} (asked for)`);
  expect(output).toContain('Verdict: conformant');
  expect(exitCode).toBe(0);
  const { configuration, images } = await latest();
  expect(configuration['images']).toBe(`mirror=${registry.host}`);
  for (const { reference, source } of images) {
    expect(reference).toMatch(new RegExp(`^${registry.host}/`));
    // The source set's own settings are for `source` alone.
    expect(source).toBe('registry');
  }
});

test('the archive has k3s’s own images by the names that k3s asks for', async () => {
  const [archive = ''] = await readdir(join(cache, 'archives'));
  const names: string[] = [];
  await eachEntry(createReadStream(join(cache, 'archives', archive)), async (header, body) => {
    if (header.name !== 'manifest.json') {
      body.resume();
      return;
    }
    const manifest = JSON.parse(await text(body)) as { readonly RepoTags: readonly string[] }[];
    names.push(...manifest.flatMap(({ RepoTags }) => RepoTags));
  });
  expect(names).toEqual(expect.arrayContaining([...systemReferences(versions)]));
  expect(names).toContain(`${registry.host}/istio/pilot:${versions.istio}`);
});

test('a set is carried to a machine that reaches no registry', async () => {
  const images = `mirror=${registry.host}`;
  const file = join(folder, 'set.tar.zst');
  const saved = await conformance(['images', 'save', file, ...ofVersion, '--images', images]);
  expect(saved.output).toMatch(/^Saved: Istio .*, 9 images, \d+ MB: /m);
  expect(saved.exitCode).toBe(0);
  const again = await conformance(['images', 'save', file, ...ofVersion, '--images', images]);
  expect(again.output).toContain('exists already');
  expect(again.exitCode).toBe(2);
  expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);

  await registry.stop();
  await forgetImages(registry.host);
  await rm(cache, { recursive: true });
  const before = await conformance(['images', 'list', ...ofVersion, '--images', images]);
  expect(before.output.match(/ no$/gm)).toHaveLength(9);

  for (const damage of [cutOff, changed]) {
    const copy = join(folder, 'damaged.tar.zst');
    await copyFile(file, copy);
    await damage(copy);
    const { exitCode, output } = await conformance(['images', 'load', copy]);
    expect(output).toMatch(/^damaged\.tar\.zst is not whole: .*Nothing of it was loaded\.$/m);
    expect(exitCode).toBe(2);
  }

  const loaded = await conformance(['images', 'load', file]);
  expect(loaded.output).toContain(`9 images from ${images}`);
  expect(loaded.exitCode).toBe(0);
  const { exitCode, output } = await conformance(['run']);
  expect(output).toMatch(new RegExp(`images: ${images} \\(loaded from set\\.tar\\.zst on `));
  expect(output).toContain('Verdict: conformant');
  expect(exitCode).toBe(0);
});

/** Docker's configuration where a helper keeps the registry's credentials. */
async function helperLogin(helper: string): Promise<string> {
  const login = join(folder, helper);
  await mkdir(login);
  await writeFile(join(login, 'config.json'), JSON.stringify({ credHelpers: { [registry.host]: helper } }));
  return login;
}

async function cutOff(file: string): Promise<void> {
  await truncate(file, 20_000_000);
}

async function changed(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.write(Buffer.alloc(64), 0, 64, 20_000_000);
  } finally {
    await handle.close();
  }
}
