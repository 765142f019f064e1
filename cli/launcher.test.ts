import { accessSync, chmodSync, constants, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

/**
 * The launcher and its helpers, run for real in worlds made for each test: a copy of the checkout in a temporary folder,
 * a PATH that holds only what the test puts there, and a host below a prefix (CONFORMANCE_HOST_ROOT). Nothing here uses
 * the network, an engine, or this machine's /var.
 */

const checkout = fileURLToPath(new URL('..', import.meta.url));
const linux = process.platform === 'linux';

/** What the scripts may expect of any machine. Notably not: node, npm, docker, iptables, unshare, curl, jq. */
const tools =
  'bash cat chmod cksum comm cut dirname env find grep head ln mkdir mktemp mv readlink rm sed setsid sh sleep sort tail tr uname';

const everyCapability = '000001ffffffffff';
const withoutSysResource = '000001fffeffffff';
const ofAnOrdinaryContainer = '00000000a80425fb';

/** A stand-in of an engine: answers /_ping at $SOCKET. */
const engineSource = `
  const { mkdirSync } = require('node:fs');
  mkdirSync(require('node:path').dirname(process.env.SOCKET), { recursive: true });
  require('node:http').createServer((_, response) => response.end('OK')).listen(process.env.SOCKET);
`;

/** A stand-in of dockerd: says its flags, serves, ends on SIGTERM. Its process has to be called dockerd. */
const dockerd = `
  echo "dockerd $*" >>"$CALLS"
  node -e "$ENGINE" & engine=$!
  trap 'kill $engine; wait $engine; rm -f "$SOCKET"; exit 0' TERM
  while :; do wait $engine; done`;

interface Run {
  code: number | undefined;
  stdout: string;
  stderr: string;
}

class World implements Disposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'a world ')));
  readonly root = join(this.folder, 'check out #1');
  readonly home = join(this.folder, 'home');
  readonly host = join(this.folder, 'host');
  readonly state = join(this.host, 'var/lib/istio-external-proxy-conformance');
  readonly socket = join(this.host, 'var/run/docker.sock');
  private readonly bin = join(this.folder, 'bin');
  private readonly calls = join(this.folder, 'calls');

  constructor() {
    for (const folder of [this.root, this.home, this.host, this.bin]) mkdirSync(folder);
    for (const part of ['conformance', 'scripts', '.ci'])
      cpSync(join(checkout, part), join(this.root, part), { recursive: true });
    for (const tool of tools.split(' ')) {
      const path = lookUp(tool);
      if (path !== undefined) symlinkSync(path, join(this.bin, tool));
    }
    symlinkSync(process.execPath, join(this.bin, 'node'));
    this.write('check out #1/package.json', '{ "type": "module" }');
    this.lockFile('1.0.0');
    this.installed('1.0.0');
    this.write(
      'check out #1/cli/main.ts',
      `const bad: boolean = process.argv.includes('--bad');
       if (bad) { console.error('no such flag: --bad'); process.exit(2); }
       if (process.env['CONFORMANCE_CHECK_ARGUMENTS']) process.exit(process.argv.includes('--kubeconfig') ? 10 : 0);
       console.log(JSON.stringify({ arguments: process.argv.slice(2), cwd: process.cwd(), engine: process.env['DOCKER_HOST'] ?? null }));`,
    );
    this.debian();
    this.capabilities(everyCapability);
    this.user(0);
    this.command('dpkg-query', 'echo "libc6 installed"');
    for (const daring of ['apt-get', 'systemctl', 'npm'])
      this.command(daring, `echo "${daring} $*" >>"$CALLS"; exit 1`);
  }

  write(path: string, text: string): string {
    const full = join(this.folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
    return full;
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8');
  }

  /** Puts a command on PATH, in bash; it may note what it was called with in "$CALLS". */
  command(name: string, script: string): void {
    rmSync(join(this.bin, name), { force: true });
    this.write(`bin/${name}`, `#!${lookUp('bash') ?? '/bin/bash'}\n${script}\n`);
    chmodSync(join(this.bin, name), 0o755);
  }

  without(name: string): void {
    rmSync(join(this.bin, name));
  }

  called(): string[] {
    return existsSync(this.calls) ? readFileSync(this.calls, 'utf8').trim().split(/ *\n/) : [];
  }

  debian(): void {
    this.write('host/etc/os-release', 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n');
  }

  capabilities(mask: string): void {
    this.write('host/proc/self/status', `CapPrm:\t${mask}\nCapEff:\t${mask}\nCapBnd:\t${mask}\n`);
  }

  user(id: number): void {
    this.command('id', `case $1 in -u) echo ${String(id)} ;; *) echo ada ;; esac`);
  }

  /** What package-lock.json says, and what npm says it installed. */
  lockFile(version: string): void {
    this.write('check out #1/package-lock.json', JSON.stringify(packages(version)));
  }
  installed(version: string): void {
    this.write('check out #1/node_modules/.package-lock.json', JSON.stringify(packages(version)));
  }

  /** Serves /_ping at the socket until the world ends. */
  async engine(socket = this.socket): Promise<void> {
    mkdirSync(dirname(socket), { recursive: true });
    const server = createServer((_, response) => response.end('OK'));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    this.endings.push(() => server.close());
  }
  private readonly endings: (() => void)[] = [];

  async run(script: string, args: string[] = [], env: Record<string, string> = {}): Promise<Run> {
    // Resolves when stdout and stderr are closed by everybody: a daemon that kept them would hang the test.
    const result = await execa(script.startsWith('/') ? script : join(this.root, script), args, {
      cwd: this.folder,
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout: 45_000,
      env: {
        PATH: this.bin,
        HOME: this.home,
        CONFORMANCE_HOST_ROOT: this.host,
        CALLS: this.calls,
        SOCKET: this.socket,
        ENGINE: engineSource,
        ...env,
      },
    });
    return { code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  }

  [Symbol.dispose](): void {
    for (const end of this.endings) end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function packages(version: string): unknown {
  return { packages: { '': { name: 'x' }, 'node_modules/a': { version, integrity: `sha512-${version}` } } };
}

function lookUp(tool: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, tool))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

describe.concurrent('handing over to the CLI', () => {
  it('passes arguments and folder on, through a symbolic link, with blanks and # in the path', async () => {
    using world = new World();
    await world.engine();
    symlinkSync(join(world.root, 'conformance'), join(world.home, 'conformance'));
    const { code, stdout, stderr } = await world.run(join(world.home, 'conformance'), [
      'run',
      '--step',
      'a b',
    ]);
    expect(stderr).toContain('using the engine at unix://');
    expect(JSON.parse(stdout)).toEqual({
      arguments: ['run', '--step', 'a b'],
      cwd: world.folder,
      engine: `unix://${world.socket}`,
    });
    expect(code).toBe(0);
    expect(world.called()).toEqual([]);
  });

  it.each(['--help', '--version', 'run --list', 'images list', 'clean', 'nonsense'])(
    'wants no engine for %s',
    async (line) => {
      const args = line.split(' ');
      using world = new World();
      const { code, stdout, stderr } = await world.run('conformance', args);
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toMatchObject({ arguments: args, engine: null });
      expect(code).toBe(0);
      expect(world.called()).toEqual([]);
    },
  );

  it('lets the CLI refuse bad arguments before anything is installed', async () => {
    using world = new World();
    const { code, stderr } = await world.run('conformance', ['run', '--bad']);
    expect(stderr).toBe('no such flag: --bad');
    expect(code).toBe(2);
    expect(world.called()).toEqual([]);
  });
});

describe.concurrent('an installed package', () => {
  /** The checkout's world turned into what npm makes of the package: JavaScript in dist/, packages further up. */
  function install(world: World): string {
    const modules = join(world.folder, 'some one/node_modules');
    const root = join(modules, 'istio-external-proxy-conformance');
    mkdirSync(join(root, 'dist/cli'), { recursive: true });
    cpSync(join(world.root, 'conformance'), join(root, 'conformance'));
    cpSync(join(world.root, 'scripts'), join(root, 'dist/scripts'), { recursive: true });
    world.write('some one/node_modules/tsx/dist/loader.mjs', '');
    world.write(
      'some one/node_modules/istio-external-proxy-conformance/package.json',
      '{ "type": "module" }',
    );
    world.write(
      'some one/node_modules/istio-external-proxy-conformance/dist/cli/main.js',
      `console.log(JSON.stringify({ arguments: process.argv.slice(2), tsconfig: process.env.TSX_TSCONFIG_PATH }));`,
    );
    mkdirSync(join(modules, '.bin'));
    symlinkSync('../istio-external-proxy-conformance/conformance', join(modules, '.bin/conformance'));
    return root;
  }

  it('runs by npm’s link what was compiled, and installs nothing', async () => {
    using world = new World();
    const root = install(world);
    const { code, stdout, stderr } = await world.run(join(root, '../.bin/conformance'), ['run', '--list']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      arguments: ['run', '--list'],
      tsconfig: join(root, 'dist/tsconfig.json'),
    });
    expect(code).toBe(0);
    expect(world.called()).toEqual([]);
    expect(existsSync(join(root, 'dist/node_modules'))).toBe(false);
  });

  it('says so when its packages are not there', async () => {
    using world = new World();
    const root = install(world);
    rmSync(join(root, '../tsx'), { recursive: true });
    const { code, stdout, stderr } = await world.run(join(root, 'conformance'), ['run', '--list']);
    expect(stderr).toBe(
      `conformance: the package tsx is missing beside ${root}/dist\n` +
        '  Install the suite again: npm install istio-external-proxy-conformance',
    );
    expect(stdout).toBe('');
    expect(code).toBe(3);
  });
});

describe.concurrent('a run in an existing cluster', () => {
  it('goes on without an engine where the CLI says that it needs none', async () => {
    using world = new World();
    const args = ['run', '--kubeconfig', 'file'];
    const { code, stdout } = await world.run('conformance', args);
    expect(JSON.parse(stdout)).toMatchObject({ arguments: args, engine: null });
    expect(code).toBe(0);
    expect(world.called()).toEqual([]);
  });
});

describe.concurrent('Node.js', () => {
  it.each(['v23.11.1', 'v22.23.3', 'v9.0.0'])(
    'says what is missing when it is %s and npm is not there',
    async (version) => {
      using world = new World();
      world.command('node', `echo ${version}`);
      world.without('npm');
      const { code, stdout, stderr } = await world.run('conformance', ['--version']);
      expect(stderr).toContain(
        `Node.js here is ${version}, 24 or newer is needed, and there is no npm to get it with`,
      );
      expect(stdout).toBe('');
      expect(code).toBe(3);
    },
  );

  it('gets one from npm once, into the cache folder, and puts it first on PATH', async () => {
    using world = new World();
    world.without('node');
    world.command(
      'npm',
      `echo "npm $*" >>"$CALLS"
       mkdir -p node_modules/node/bin; ln -s '${process.execPath}' node_modules/node/bin/node`,
    );
    const cache = join(world.folder, 'cache');
    const first = await world.run('conformance', ['--help'], { XDG_CACHE_HOME: cache });
    expect(first.stderr).toMatch(
      /^conformance: no Node\.js here, .*: getting Node\.js 24 from npm .*\nconformance: Node\.js v/,
    );
    expect(first.code).toBe(0);
    const second = await world.run('scripts/with-node', ['bash', '-c', 'command -v node'], {
      XDG_CACHE_HOME: cache,
    });
    if (linux) expect(second.stdout).toContain(join(cache, 'istio-external-proxy-conformance/node/v'));
    expect(second.stderr).toBe('');
    expect(world.called()).toHaveLength(1);
  });

  it('says so when what npm brings does not run', async () => {
    using world = new World();
    world.without('node');
    world.command('npm', 'echo no such package; exit 1');
    const { code, stderr } = await world.run('conformance', ['--help']);
    expect(stderr).toContain('no such package');
    expect(stderr).toContain('npm did not bring a Node.js that runs here');
    expect(code).toBe(3);
  });
});

describe.concurrent('npm ci', () => {
  const installs = `echo "npm $*" >>"$CALLS"; cp='cat'; $cp package-lock.json >node_modules/.package-lock.json; echo added 300 packages`;

  it('is left alone when the user ran it', async () => {
    using world = new World();
    const { code, stderr } = await world.run('conformance', ['--help']);
    expect([code, stderr, world.called()]).toEqual([0, '', []]);
  });

  it('runs when the lock file changed, once, without its output', async () => {
    using world = new World();
    world.command('npm', installs);
    world.lockFile('1.0.1');
    const first = await world.run('conformance', ['--help']);
    expect(first.stderr).toMatch(
      /^conformance: installing the packages \(npm ci\) …\nconformance: packages installed \(\d+ s\)$/,
    );
    expect(first.code).toBe(0);
    expect((await world.run('conformance', ['--help'])).stderr).toBe('');
    expect(world.called()).toEqual(['npm ci --no-audit --no-fund']);
  });

  it('shows its output when it fails', async () => {
    using world = new World();
    world.command('npm', 'echo "npm error code ENOSPC"; exit 1');
    world.lockFile('1.0.1');
    const { code, stderr } = await world.run('conformance', ['--help']);
    expect(stderr).toContain('npm error code ENOSPC');
    expect(stderr).toContain('npm ci failed (its output is above)');
    expect(code).toBe(3);
    expect(existsSync(join(world.root, '.conformance-install.lock'))).toBe(false);
  });

  it('empties no folder of others that node_modules is a link to', async () => {
    using world = new World();
    const others = join(world.folder, 'others');
    renameSync(join(world.root, 'node_modules'), others);
    symlinkSync(others, join(world.root, 'node_modules'));
    expect((await world.run('conformance', ['--help'])).code).toBe(0);
    world.command('npm', installs);
    world.lockFile('1.0.1');
    const { code, stderr } = await world.run('conformance', ['--help']);
    expect(stderr).toContain(
      `node_modules is a link to ${others}, whose packages are not what package-lock.json says`,
    );
    expect([code, world.called()]).toEqual([3, []]);
  });

  it('never runs inside npm test', async () => {
    using world = new World();
    world.lockFile('1.0.1');
    const { code, stderr } = await world.run('conformance', ['--help'], {
      npm_package_json: join(world.root, 'package.json'),
      npm_lifecycle_event: 'test:all',
    });
    expect(stderr).toBe('conformance: node_modules is not what package-lock.json says: run npm ci');
    expect(code).toBe(0);
    expect(world.called()).toEqual([]);
  });
});

describe.concurrent('looking for an engine', () => {
  it.each([
    ['unix:///nowhere/docker.sock', 'there is no such socket'],
    ['tcp://127.0.0.1:1', 'nobody listens there'],
    ['/var/run/docker.sock', 'is not an address'],
    ['ssh://ada@host', 'is an address testcontainers cannot use'],
  ])('respects DOCKER_HOST=%s, and starts no other when it does not answer', async (address, reason) => {
    using world = new World();
    await world.engine();
    const { code, stderr } = await world.run('conformance', [], { DOCKER_HOST: address });
    expect(stderr).toContain(`no container engine answers at ${address}, chosen by DOCKER_HOST: ${reason}`);
    expect(code).toBe(3);
    expect(world.called()).toEqual([]);
  });

  it("finds the engine of Docker's context, of a rootless Docker, and Podman's", async () => {
    const name = 'colima';
    using world = new World();
    const sockets = {
      context: join(world.home, 'colima.sock'),
      docker: join(world.home, 'run/docker.sock'),
      podman: join(world.host, 'run/podman/podman.sock'),
    };
    const found = async () =>
      (
        JSON.parse(
          (await world.run('conformance', [], { XDG_RUNTIME_DIR: join(world.home, 'run') })).stdout,
        ) as { engine: string }
      ).engine;
    await world.engine(sockets.podman);
    expect(await found()).toBe(`unix://${sockets.podman}`);
    // What tests start without the launcher finds the same.
    const { stdout } = await world.run('scripts/with-engine', ['sh', '-c', 'echo "$DOCKER_HOST"']);
    expect(stdout).toBe(`unix://${sockets.podman}`);
    await world.engine(sockets.docker);
    expect(await found()).toBe(`unix://${sockets.docker}`);
    await world.engine(sockets.context);
    // The folder's name is the SHA-256 of the context's.
    const id = 'f24fd3749c1368328e2b149bec149cb6795619f244c5b584e844961215dadd16';
    world.write(
      `home/.docker/contexts/meta/${id}/meta.json`,
      JSON.stringify({ Endpoints: { docker: { Host: `unix://${sockets.context}` } } }),
    );
    world.write('home/.docker/config.json', JSON.stringify({ currentContext: name }));
    expect(await found()).toBe(`unix://${sockets.context}`);
  });

  it('starts none beside one that testcontainers has in its settings', async () => {
    using world = new World();
    world.write('home/.testcontainers.properties', 'ryuk.disabled=true\ndocker.host=unix\\:///gone.sock\n');
    const { code, stderr } = await world.run('conformance');
    expect(stderr).toContain('unix:///gone.sock, chosen by docker.host in ~/.testcontainers.properties');
    expect(code).toBe(3);
  });
});

describe.concurrent('preparing an engine', () => {
  it('knows Debian and Ubuntu only', async () => {
    using world = new World();
    world.write('host/etc/os-release', 'PRETTY_NAME="Fedora Linux 43"\nID=fedora\n');
    const { code, stderr } = await world.run('conformance');
    expect(stderr).toContain('no container engine answers');
    expect(stderr).toContain('known for Debian and Ubuntu only; this is Fedora Linux 43');
    expect(code).toBe(3);
  });

  it('says how to start one on macOS', async () => {
    using world = new World();
    rmSync(join(world.host, 'etc/os-release'));
    world.command('uname', 'echo Darwin');
    const { code, stderr } = await world.run('conformance');
    expect(stderr).toContain('colima start');
    expect(code).toBe(3);
  });

  it('needs root', async () => {
    using world = new World();
    world.user(1000);
    const { code, stderr } = await world.run('conformance');
    expect(stderr).toContain('only root can install and start one');
    expect(stderr).toContain('usermod -aG docker ada');
    expect(code).toBe(3);
  });

  it('tries nothing in a container without privileges', async () => {
    using world = new World();
    world.capabilities(ofAnOrdinaryContainer);
    const { code, stderr } = await world.run('conformance');
    expect(stderr).toContain('this root lacks CAP_SYS_ADMIN or CAP_NET_ADMIN');
    expect(code).toBe(3);
    expect(world.called()).toEqual([]);
  });

  it.each([
    [
      'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)',
      'Another package manager is at work',
    ],
    [
      'E: Failed to fetch http://mirror.test/x  Temporary failure resolving',
      'The package mirror cannot be reached',
    ],
    ["E: You don't have enough free space in /var/cache/apt/archives/.", 'There is no room on the disk'],
    ['E: Unable to locate package docker.io', 'sources do not have it'],
  ])('names the cause when apt-get says: %s', async (line, advice) => {
    using world = new World();
    world.command('apt-get', `case "$*" in *install*) cat <<<"${line}"; exit 100 ;; esac`);
    const { code, stderr } = await world.run('conformance');
    expect(stderr).toContain('install   docker.io iptables   (apt-get');
    expect(stderr).toContain('undo it   scripts/prepare-host undo');
    expect(stderr).toContain('apt-get install docker.io iptables failed');
    expect(stderr).toContain(advice);
    expect(stderr).toContain(`Log: ${join(world.state, 'apt.log')}`);
    expect(code).toBe(3);
    expect(existsSync(join(world.state, 'lock'))).toBe(false);
  });

  it.runIf(linux)('starts dockerd, lets go of the output, stops and undoes it', async () => {
    using world = new World();
    world.command('dockerd', dockerd);
    world.command('iptables', '');
    const started = await world.run('conformance', ['run']);
    expect(started.stderr).toContain('start     dockerd in the background');
    expect(started.stderr).not.toContain('install ');
    expect(started.stderr).toContain('conformance: dockerd answers');
    expect(started.code).toBe(0);
    expect(world.called()).toEqual(['dockerd']);

    const status = await world.run('scripts/prepare-host', ['status']);
    expect(status.stderr).toMatch(/started from here: dockerd, process \d+/);
    expect(status.code).toBe(0);
    expect((await world.run('conformance', ['run'])).code).toBe(0);
    expect(world.called()).toEqual(['dockerd']);

    const stopped = await world.run('scripts/prepare-host', ['stop']);
    expect(stopped.stderr).toContain('is stopped');
    expect((await world.run('scripts/prepare-host', ['status'])).code).toBe(3);
    expect((await world.run('scripts/prepare-host', ['undo'])).code).toBe(0);
    expect(existsSync(world.state)).toBe(false);
  });

  it.runIf(linux)('stops no dockerd that it did not start', async () => {
    using world = new World();
    world.command('dockerd', dockerd);
    world.command('iptables', '');
    await world.run('conformance', ['run']);
    const engine = world.read('host/var/lib/istio-external-proxy-conformance/engine').split(' ');
    world.write('host/var/lib/istio-external-proxy-conformance/engine', engine.with(2, '1').join(' '));
    const { code, stderr } = await world.run('scripts/prepare-host', ['stop']);
    expect(stderr).toContain('no engine that was started from here is running');
    expect(code).toBe(0);
    expect((await world.run('scripts/prepare-host', ['status'])).code).toBe(0);
    process.kill(Number(engine[1]), 'SIGTERM');
  });

  it.runIf(linux)('wraps runc where CAP_SYS_RESOURCE is missing, and only there', async () => {
    using world = new World();
    world.capabilities(withoutSysResource);
    world.write('host/usr/bin/python3', '');
    chmodSync(join(world.host, 'usr/bin/python3'), 0o755);
    world.command('dockerd', dockerd);
    world.command('iptables', '');
    world.command('runc', 'echo "runc $*" >>"$CALLS"');
    const { code } = await world.run('conformance', ['run']);
    expect(code).toBe(0);
    const wrapper = join(world.state, 'runc-capfilter');
    expect(world.called()).toEqual([
      `dockerd --add-runtime capfilter=${wrapper} --default-runtime capfilter`,
    ]);
    await world.run('scripts/prepare-host', ['stop']);

    // The system's by preference: a version manager's shim needs more of a PATH than there is here.
    const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : lookUp('python3');
    if (python === undefined) return;
    const mixed = { bounding: ['CAP_CHOWN', 'CAP_SYS_RESOURCE'], ambient: null };
    const filtered = { bounding: ['CAP_CHOWN'], ambient: null };
    const process = { args: ['echo', 'CAP_SYS_RESOURCE'], capabilities: mixed };
    const config = world.write('bundle/config.json', JSON.stringify({ process, root: {} }));
    const further = world.write('process.json', JSON.stringify(process));
    const call = (...args: string[]) => world.run(python, [wrapper, '--log', '/exec', ...args]);
    await call('create', '--bundle', dirname(config), 'id');
    expect(JSON.parse(readFileSync(config, 'utf8'))).toEqual({
      process: { ...process, capabilities: filtered },
      root: {},
    });
    await call('exec', '-d', '--process', further, 'id');
    expect(JSON.parse(readFileSync(further, 'utf8'))).toEqual({ ...process, capabilities: filtered });
    await call(
      'exec',
      '--cap',
      'CAP_SYS_RESOURCE',
      'id',
      'grep',
      '--process',
      'x',
      '--cap',
      'CAP_SYS_RESOURCE',
    );
    await call('state', 'id');
    expect(world.called().slice(1)).toEqual([
      `runc --log /exec create --bundle ${dirname(config)} id`,
      `runc --log /exec exec -d --process ${further} id`,
      'runc --log /exec exec id grep --process x --cap CAP_SYS_RESOURCE',
      'runc --log /exec state id',
    ]);
  });

  it.runIf(linux).each([
    ['failed to start daemon: iptables: Table does not exist', 'dockerd cannot set its firewall rules'],
    ['failed to start daemon: Devices cgroup isn\\u0027t mounted', 'The control groups are not mounted'],
  ])('shows the end of the log when dockerd dies: %s', async (line, advice) => {
    using world = new World();
    world.command('dockerd', `printf '%b\\n' '${line}'; exit 1`);
    world.command('iptables', '');
    const { code, stderr } = await world.run('conformance', ['run']);
    expect(stderr).toContain('dockerd ended instead of answering');
    expect(stderr).toContain('failed to start daemon');
    expect(stderr).toContain(advice);
    expect(stderr).toContain(`Log: ${join(world.state, 'dockerd.log')}`);
    expect(code).toBe(3);
  });

  it.runIf(linux)('uses the service manager where there is one', async () => {
    using world = new World();
    mkdirSync(join(world.host, 'run/systemd/system'), { recursive: true });
    world.command('dockerd', 'exit 1');
    world.command('iptables', '');
    world.command(
      'systemctl',
      `echo "systemctl $*" >>"$CALLS"
       case $1 in
         start) setsid node -e "$ENGINE" >/dev/null 2>&1 & echo $! >"$CALLS.pid" ;;
         stop) kill "$(cat "$CALLS.pid")" ;;
       esac`,
    );
    const { code, stderr } = await world.run('conformance', ['run']);
    expect(stderr).toContain('start     the service docker (systemctl)');
    expect(code).toBe(0);
    await world.run('scripts/prepare-host', ['stop']);
    expect(world.called()).toEqual([
      'systemctl start docker',
      'systemctl is-active --quiet docker',
      'systemctl stop docker.socket docker.service',
    ]);
  });
});

describe.concurrent('scripts/prepare-host', () => {
  it.each([
    [['nonsense'], 'unknown: nonsense'],
    [['stop', 'undo'], 'one command at a time'],
    [['stop', '--purge'], '--purge belongs to undo'],
  ])('refuses %s', async (args, message) => {
    using world = new World();
    const { code, stderr } = await world.run('scripts/prepare-host', args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it('names every missing source tool at once', async () => {
    using world = new World();
    world.user(1000);
    const { code, stderr } = await world.run('scripts/prepare-host', ['source-tools']);
    expect(stderr).toMatch(
      /Go 1\.21 or newer[^]*Python 3 with pip[^]*as root: apt-get install mmdebstrap[^]*--images registry/,
    );
    expect(code).toBe(3);
  });

  it('asks for what runc is compiled with only where it is', async () => {
    using world = new World();
    world.user(1000);
    const asked = await world.run('scripts/prepare-host', ['source-tools', '--runc']);
    expect(asked.stderr).toContain('apt-get install mmdebstrap gcc libc6-dev pkg-config libseccomp-dev');
    expect((await world.run('scripts/prepare-host', ['source-tools'])).stderr).not.toContain('gcc');
    expect((await world.run('scripts/prepare-host', ['status', '--runc'])).code).toBe(2);
  });

  it.each([
    ['go1.20.14', 'auto', 'Go 1.20.14 is too old'],
    ['go1.24.3', 'local', 'Go 1.24.3 may not get the 1.26 that is needed (GOTOOLCHAIN=local)'],
    ['go1.24.3', 'auto', undefined],
    ['go1.27rc1', 'local', undefined],
  ])('judges %s with GOTOOLCHAIN=%s', async (version, toolchain, message) => {
    using world = new World();
    world.command('go', `case $2 in GOVERSION) echo ${version} ;; *) echo ${toolchain} ;; esac`);
    world.command('python3', '');
    world.command('mmdebstrap', '');
    const { code, stderr } = await world.run('scripts/prepare-host', ['source-tools']);
    if (message === undefined) expect(stderr).toBe('');
    else expect(stderr).toContain(message);
    expect(code).toBe(message === undefined ? 0 : 3);
  });
});

describe.concurrent('scripts/with-browser', () => {
  const shown = ['bash', '-c', 'echo "browser $CHROME_PATH"'];

  it('takes one on PATH that runs, and the one that CHROME_PATH names before any', async () => {
    using world = new World();
    // As Ubuntu's is without its snap.
    world.command('chromium-browser', 'echo "install the snap" >&2; exit 10');
    world.command('google-chrome', 'echo "Google Chrome 150"');
    const found = await world.run('scripts/with-browser', shown);
    expect(found.stdout).toMatch(/^browser .*\/google-chrome$/m);
    const other = world.write('other', `#!${lookUp('bash') ?? '/bin/bash'}\necho other`);
    chmodSync(other, 0o755);
    const named = await world.run('scripts/with-browser', shown, { CHROME_PATH: other });
    expect(named.stdout).toBe(`browser ${other}`);
    expect(world.called()).toEqual([]);
  });

  it('refuses a CHROME_PATH that is no browser', async () => {
    using world = new World();
    const { code, stderr } = await world.run('scripts/with-browser', shown, { CHROME_PATH: '/no/such' });
    expect(stderr).toContain('CHROME_PATH is no browser that runs: /no/such');
    expect(code).toBe(3);
  });

  it('installs it on Debian as root', async () => {
    using world = new World();
    world.command(
      'apt-get',
      `echo "apt-get $*" >>"$CALLS"
       case "$*" in *' install '*) printf '#!/bin/sh\n' >"\${0%/*}/chromium"; chmod +x "\${0%/*}/chromium" ;; esac`,
    );
    const { code, stdout, stderr } = await world.run('scripts/with-browser', shown);
    expect(stdout).toMatch(/^browser .*\/chromium$/m);
    expect(stderr).toContain('scripts/prepare-host undo --purge');
    expect(code).toBe(0);
    expect(world.called().at(-1)).toMatch(/ install -y --no-install-recommends chromium fonts-dejavu-core$/);
  });

  it.each([
    ['to who is not root', 'ID=debian', 1000, 'As root: apt-get install chromium'],
    [
      'on Ubuntu, whose package is a snap',
      'ID=ubuntu\nID_LIKE=debian',
      0,
      'Install Google Chrome or Chromium',
    ],
    ['on other systems', 'ID=fedora', 0, 'Install Google Chrome or Chromium'],
  ])('says what to install %s', async (_whom, release, user, advice) => {
    using world = new World();
    world.write('host/etc/os-release', `${release}\n`);
    world.user(user);
    const { code, stderr } = await world.run('scripts/with-browser', shown);
    expect(stderr).toContain(advice);
    expect(stderr).toContain('or set CHROME_PATH');
    expect(code).toBe(3);
    expect(world.called()).toEqual([]);
  });
});

describe.concurrent('.ci/run', () => {
  /** npm cit that leaves these totals, and this exit code. */
  const npm = (totals: Record<string, [passed: number, failed: number]>, code: number, also = '') =>
    [
      `echo "npm $*" >>"$CALLS"; mkdir -p reports/totals; echo tests run; ${also}`,
      ...Object.entries(totals).map(
        ([project, [passed, failed]]) =>
          `echo '${JSON.stringify({ project, passed, failed, skipped: 1, seconds: 7 })}' >reports/totals/${project}.json`,
      ),
      `exit ${String(code)}`,
    ].join('\n');

  const everyProject = {
    unit: [40, 0],
    report: [4, 0],
    document: [20, 0],
    meta: [3, 0],
    existing: [2, 0],
    'your-proxy': [8, 0],
    package: [3, 0],
  } as const;

  it.each([
    [everyProject, 0, '80 passed, 0 failed', 0],
    [{ unit: [40, 0], document: [20, 0], meta: [3, 2] } as const, 1, '63 passed, 6 failed', 1],
    // npm test ends with the first project that fails.
    [{ unit: [40, 0], document: [18, 2] } as const, 1, '58 passed, 7 failed', 1],
    [{ unit: [40, 0], document: [20, 0] } as const, 0, '60 passed, 5 failed', 1],
    [everyProject, 1, '80 passed, 0 failed', 1],
    [{}, 1, '0 passed, 7 failed', 1],
  ])('adds up %j', async (totals, npmCode, line, expected) => {
    using world = new World();
    await world.engine();
    world.write(
      'check out #1/reports/totals/document.json',
      '{"project":"document","passed":999,"failed":0,"skipped":0}',
    );
    world.command('npm', npm({ ...totals } as unknown as Record<string, [number, number]>, npmCode));
    const { code, stdout, stderr } = await world.run('.ci/run');
    expect(stdout.split('\n')).toEqual(['tests run', line]);
    expect(code).toBe(expected);
    for (const [project, [passed, failed]] of Object.entries(totals)) {
      expect(stderr).toContain(`${project}: ${passed} passed, ${failed} failed, 7 s`);
    }
    expect(world.called()).toEqual(['npm cit']);
  });

  it.runIf(linux)('stops the engine that the tests started', async () => {
    using world = new World();
    world.command('dockerd', dockerd);
    world.command('iptables', '');
    world.command(
      'npm',
      npm(
        {
          unit: [1, 0],
          report: [1, 0],
          document: [1, 0],
          meta: [1, 0],
          existing: [1, 0],
          'your-proxy': [1, 0],
          package: [1, 0],
        },
        0,
        './conformance run',
      ),
    );
    const { code, stdout, stderr } = await world.run('.ci/run');
    expect(stderr).toContain('the dockerd that was started from here is stopped');
    expect(stdout.split('\n').at(-1)).toBe('7 passed, 0 failed');
    expect(code).toBe(0);
    expect((await world.run('scripts/prepare-host', ['status'])).code).toBe(3);
  });
});
