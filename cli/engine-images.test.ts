import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FakeCommands, type ScriptRun } from '../tests/support/fake-commands.ts';

const checkout = fileURLToPath(new URL('..', import.meta.url));

/** What `conformance images list` prints. */
const list = `Images from registry (asked for)
ROLE      REFERENCE                           DIGEST               SOURCE    SIZE    CACHED
k3s       docker.io/rancher/k3s:v1.34.4-k3s1  sha256:0123456789ab  registry  250 MB  yes
proxyv2   docker.io/istio/proxyv2:$istio      sha256:0123456789ab  registry  300 MB  yes
curl      docker.io/curlimages/curl:8.16.0    -                    registry  -       no`;

class Engine extends FakeCommands {
  constructor(docker: string) {
    super();
    cpSync(join(checkout, 'scripts'), join(this.folder, 'checkout/scripts'), { recursive: true });
    this.command('docker', docker);
    this.command('conformance', `istio=$8; cat <<END\n${list}\nEND`);
    symlinkSync('../bin/conformance', join(this.folder, 'checkout/conformance'));
  }

  async script(...args: string[]): Promise<ScriptRun> {
    return this.run(join(this.folder, 'checkout/scripts/engine-images'), args);
  }
}

const saving = 'if [[ $1 == save ]]; then echo images >"$3"; fi';

describe.concurrent('scripts/engine-images', () => {
  it('saves each image that the engine has once, whole or not at all', async () => {
    using engine = new Engine(saving);
    const { code, stderr } = await engine.script('save', 'kept/images.tar', '1.34.4', '1.28.3', '1.29.1');
    expect(engine.called()).toEqual([
      'conformance [images] [list] [--images] [registry] [--k8s] [1.34.4] [--istio] [1.28.3]',
      'conformance [images] [list] [--images] [registry] [--k8s] [1.34.4] [--istio] [1.29.1]',
      'docker [save] [--output] [kept/images.tar.unfinished] [docker.io/istio/proxyv2:1.28.3] ' +
        '[docker.io/istio/proxyv2:1.29.1] [docker.io/rancher/k3s:v1.34.4-k3s1]',
    ]);
    expect(engine.read('kept/images.tar')).toBe('images\n');
    expect(stderr).toContain('saved 3 images');
    expect(code).toBe(0);
  });

  it('leaves no file behind when the engine fails', async () => {
    using engine = new Engine('exit 1');
    const { code } = await engine.script('save', 'images.tar', '1.34.4', '1.28.3');
    expect(engine.read('images.tar')).toBe('');
    expect(code).toBe(3);
  });

  it('says so when there is nothing to save', async () => {
    using engine = new Engine(saving);
    engine.command('conformance', 'echo ROLE REFERENCE CACHED');
    const { code, stderr } = await engine.script('save', 'images.tar', '1.34.4', '1.28.3');
    expect(stderr).toContain('the engine has none of these images');
    expect(code).toBe(3);
  });

  it('loads the file', async () => {
    using engine = new Engine('');
    engine.write('images.tar', 'images');
    expect((await engine.script('load', 'images.tar')).code).toBe(0);
    expect(engine.called()).toEqual(['docker [load] [--quiet] [--input] [images.tar]']);
  });

  it('leaves it to the run to pull, where there is no file or a broken one', async () => {
    using engine = new Engine('exit 1');
    expect(await engine.script('load', 'images.tar')).toMatchObject({ code: 0, stdout: '' });
    expect(engine.called()).toEqual([]);
    engine.write('images.tar', 'cut short');
    const { code, stderr } = await engine.script('load', 'images.tar');
    expect(stderr).toContain('could not be loaded');
    expect(code).toBe(0);
  });

  it.each([[[]], [['load']], [['save', 'file', '1.34.4']], [['keep', 'file']]])(
    'refuses %j',
    async (args) => {
      using engine = new Engine('');
      const { code, stderr } = await engine.script(...args);
      expect(stderr).toContain('usage:');
      expect(code).toBe(2);
    },
  );
});
