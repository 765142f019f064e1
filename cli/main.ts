#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { closest } from 'fastest-levenshtein';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { configurationSchema, maxRepeat } from '../helpers/configuration/configuration.ts';
import { ActionableError, exitCodes, messageOf, UsageError } from '../helpers/errors.ts';
import { countTo } from './count.ts';
import type { VersionChoice } from './images.ts';

/** The launcher asks so before it installs an engine, lest a misspelt flag be found out only afterwards. */
const checkOnly = process.env['CONFORMANCE_CHECK_ARGUMENTS'] === '1';

// Whoever read the output may go first (`| head`, `| tee` on Ctrl-C): that must not end the clean-up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

// Commands are loaded when they are called: `--help` must not wait for a Kubernetes client.
const program = new Command('conformance')
  .description(
    'Proves on a real mesh that Istio\'s document "connect to an external HTTPS proxy" holds.\n' +
      'Exit codes: 0 conformant, 1 not conformant or unstable, 2 usage, 3 environment, 130/143 interrupted.',
  )
  .version(ownVersion(), '-V, --version')
  .showSuggestionAfterError()
  .exitOverride();

interface RunOptions {
  readonly istio?: string;
  readonly k8s?: string;
  readonly images: string;
  readonly target: string;
  readonly injection: string;
  readonly step: string[];
  readonly repeat: number;
  readonly list?: true;
  readonly keep?: true;
  readonly reportDir: string;
}

interface FaultsFlags extends VersionChoice {
  readonly images: 'auto' | 'registry' | 'source';
  readonly list?: true;
  readonly table?: string;
  readonly keep?: true;
}

program
  .command('run', { isDefault: true })
  .description('run the document (default)')
  // The default command is what a mistyped one ends up as.
  .allowExcessArguments()
  .option('--istio <version>', 'version of Istio')
  .option('--k8s <version>', 'version of Kubernetes')
  .addOption(choice('--images <source>', 'where images come from', ['auto', 'registry', 'source'], 'auto'))
  .addOption(
    choice('--target <destination>', 'what the requests reach', ['auto', 'live', 'hermetic'], 'auto'),
  )
  .addOption(choice('--injection <way>', 'how the sidecar gets into sleep', ['auto', 'manual'], 'auto'))
  .option('--step <id>', 'run this step and what it needs; may be given again', collect, [])
  .option(
    '--repeat <n>',
    'run the steps so many times on one cluster, and tell how stable they are',
    countTo(maxRepeat),
    1,
  )
  .option('--list', 'list the steps and end')
  .option('--keep', 'keep the cluster, and use the kept one again')
  .option('--report-dir <folder>', "folder that the run's report folder is made in", 'reports')
  .action(async ({ step, list, ...options }: RunOptions, { args: [word] }: Command) => {
    if (word !== undefined) {
      const commands = program.commands.map((command) => command.name());
      throw new UsageError(
        `There is no command ${word}; the nearest is ${closest(word, commands)}`,
        'The commands: ./conformance --help',
      );
    }
    const { argumentsMustBeValid, listSteps, run } = await import('./run.ts');
    if (list === true) {
      listSteps();
      return;
    }
    const configuration = configurationSchema.parse({ ...options, steps: step });
    await argumentsMustBeValid(configuration);
    if (!checkOnly) process.exitCode = await run(configuration);
  });

program
  .command('faults')
  .description('put faults into a mesh, and show which of them the suite catches')
  .argument('[id...]', 'faults to try; all when none is given')
  .option('--list', 'list the faults and end')
  .option('--table <file>', 'write the results as a Markdown table')
  .option('--istio <version>', 'version of Istio')
  .option('--k8s <version>', 'version of Kubernetes')
  .addOption(choice('--images <source>', 'where images come from', ['auto', 'registry', 'source'], 'auto'))
  .option('--keep', 'keep the cluster, and use the kept one again')
  .action(async (ids: string[], { list, table, ...options }: FaultsFlags) => {
    const { faultsMustExist, listFaults, tryFaults } = await import('./faults.ts');
    if (list === true) {
      listFaults();
      return;
    }
    const { argumentsMustBeValid } = await import('./run.ts');
    const configuration = configurationSchema.parse(options);
    faultsMustExist(ids);
    await argumentsMustBeValid(configuration);
    if (checkOnly) return;
    process.exitCode = await tryFaults({ configuration, ids, ...(table === undefined ? {} : { table }) });
  });

interface GateFlags {
  readonly from: string;
  readonly to: string;
  readonly strategy: 'canary' | 'in-place';
  readonly k8s?: string;
  readonly rollback?: true;
  readonly strict?: true;
  readonly allowUnsupported?: true;
  readonly images: 'auto' | 'registry' | 'source';
  readonly keep?: true;
  readonly reportDir: string;
}

program
  .command('gate')
  .description('upgrade a mesh under live traffic, and say whether the upgrade may go out')
  .requiredOption('--from <version>', 'version of Istio that the mesh comes from')
  .requiredOption('--to <version>', 'version of Istio that it is to go to')
  .addOption(choice('--strategy <way>', 'how it is upgraded', ['canary', 'in-place'], 'canary'))
  .option('--k8s <version>', 'version of Kubernetes')
  .option('--rollback', 'go back after the first namespace of a canary')
  .option('--strict', 'changes of log or configuration that nobody has reviewed are red')
  .option('--allow-unsupported', 'try a pair that Istio does not support')
  .addOption(choice('--images <source>', 'where images come from', ['auto', 'registry', 'source'], 'auto'))
  .option('--keep', 'keep the cluster, and use the kept one again')
  .option('--report-dir <folder>', "folder that the gate's report folder is made in", 'reports')
  .action(async ({ images, keep, reportDir, ...flags }: GateFlags) => {
    const { gate, gateOf } = await import('./gate.ts');
    const { rollback = false, strict = false, allowUnsupported = false, ...pair } = flags;
    const request = await gateOf(
      { ...pair, rollback, allowUnsupported },
      { strict },
      configurationSchema.parse({ images, keep, reportDir }),
    );
    if (!checkOnly) process.exitCode = await gate(request);
  });

interface MatrixFlags {
  readonly json?: true;
  readonly discover?: true;
  readonly write?: string;
}

program
  .command('matrix')
  .description('the cells and upgrade pairs that fixtures/versions.yaml allows')
  .option('--print', 'as tables (default)')
  .addOption(new Option('--json', 'in one line, as GitHub Actions fans out from it').conflicts('print'))
  .option('--discover', 'instead: the newest releases of Istio and k3s, asked of GitHub (GITHUB_TOKEN)')
  .option('--write <file>', 'with --discover: write a copy of fixtures/versions.yaml that has them')
  .action(async ({ json, discover: wanted, write }: MatrixFlags) => {
    if (write !== undefined && wanted !== true) {
      throw new UsageError('--write belongs to --discover.', 'matrix --discover --write FILE');
    }
    const { discover, printMatrix } = await import('./matrix.ts');
    if (checkOnly) return;
    if (wanted === true) await discover({ json: json === true, ...(write === undefined ? {} : { write }) });
    else printMatrix({ json: json === true });
  });

program
  .command('summary')
  .description('the verdicts of the runs below these folders, as Markdown')
  .argument('<folder...>', 'folders that hold reports')
  .action(async (folders: string[]) => {
    const { summary } = await import('./summary.ts');
    if (!checkOnly) await summary(folders);
  });

const images = program.command('images').description('the images that play the roles of a run');
images
  .command('list')
  .description('role, reference, digest, source, size, cached or not')
  .option('--istio <version>', 'version of Istio')
  .option('--k8s <version>', 'version of Kubernetes')
  .addOption(choice('--images <source>', 'where images come from', ['auto', 'registry', 'source'], 'auto'))
  .action(
    async ({ images: asked, ...versions }: VersionChoice & { images: 'auto' | 'registry' | 'source' }) => {
      const { listSet } = await import('./images.ts');
      await listSet(asked, versions);
    },
  );
for (const [name, source, description] of [
  ['build', 'source', 'build the source image set'],
  ['pull', 'registry', 'pull the images from their registries'],
] as const) {
  images
    .command(name)
    .description(description)
    .option('--istio <version>', 'version of Istio')
    .option('--k8s <version>', 'version of Kubernetes')
    .action(async (versions: VersionChoice) => {
      const { prepareSet } = await import('./images.ts');
      await prepareSet(source, versions, checkOnly);
    });
}

program
  .command('clean')
  .description('remove kept clusters and what runs left behind, by label, and nothing else')
  .action(async () => {
    const { clean } = await import('./clean.ts');
    await clean();
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
// Sockets to the engine and to the API server stay open for a while after their last use. What was printed goes first.
process.stdout.write('', () => process.exit());

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message; help and version are no errors.
    return error.exitCode === 0 ? exitCodes.conformant : exitCodes.usage;
  }
  if (error instanceof ActionableError) {
    process.stderr.write(`${error.message}\n${error.hint}\n`);
    return error.exitCode;
  }
  // Nobody foresaw it, so the stack is what helps; and it says nothing about Istio.
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
  return exitCodes.environment;
}

function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}

function choice(flags: string, description: string, valid: readonly string[], preset: string): Option {
  return new Option(flags, description)
    .choices(valid)
    .default(preset)
    .argParser((value) => {
      if (valid.includes(value)) return value;
      throw new InvalidArgumentError(`One of: ${valid.join(', ')}.`);
    });
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
