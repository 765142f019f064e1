import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { closest } from 'fastest-levenshtein';
import { UsageError } from '../helpers/errors.ts';
import { githubApi } from '../helpers/github.ts';
import { istioSystem } from '../helpers/istio/revision.ts';
import type { ImageChoice } from '../helpers/images/mirror.ts';
import { chosenSettings, collect, flagSettings, withSettings } from './options.ts';
import type { SetChoice, VersionChoice } from './images.ts';

/**
 * Every command and what it takes. What a command does is loaded when it is called: `--help` must not wait for a
 * Kubernetes client.
 */
export function conformanceProgram(): Command {
  const program = new Command('conformance')
    .description(
      "Checks on a real mesh that applications reach the outside through an external HTTPS proxy, as Istio's document " +
        '"connect to an external HTTPS proxy" says. Starts a Kubernetes cluster with Istio, runs every step of the ' +
        'document (its Chinese edition of 2018), and names the cause of a failure. Without a command: run.',
    )
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showSuggestionAfterError()
    .addHelpText('after', afterHelp);
  const commands = [
    runCommand(() => program.commands.map((command) => command.name())),
    gateCommand(),
    faultsCommand(),
    doctorCommand(),
    reportCommand(),
    new Command('summary')
      .description('print the verdicts of all runs in these folders, as Markdown')
      .argument('<folder...>', 'folders that hold reports')
      .action(async (folders: string[]) => {
        const { summaryPage, summaryRows } = await import('../helpers/report/summary.ts');
        if (!checkOnly) process.stdout.write(summaryPage(await summaryRows(folders)));
      }),
    matrixCommand(),
    imagesCommand(),
    cleanCommand(),
    rbacCommand(),
    jobCommand(),
    completionCommand(() => program),
  ];
  for (const command of commands) program.addCommand(command, { isDefault: command.name() === 'run' });
  inAll(program, (command) => {
    command.exitOverride().showSuggestionAfterError();
  });
  return program;
}

const afterHelp = `
Needs:
  git, bash, npm and a container engine. Node.js 24 or newer is fetched if
  missing. If no engine answers, Docker is installed on Debian or Ubuntu as root.
  With --kubeconfig FILE, an existing cluster serves instead of an engine.
  ./conformance doctor checks all this and starts no cluster.

Exit codes:
  0  conformant; of a gate: the upgrade may go out
  1  not conformant: a step failed, and its cause is named; of a gate: the
     upgrade must not go out; or unstable: with --repeat, passes differ
  2  usage: an unknown flag, version or step, settings that do not fit together,
     or an unreadable file
  3  environment: engine, registry, disk, cluster, your proxy or the live page
     failed; this says nothing about Istio
  129, 130, 143  interrupted (terminal closed, Ctrl-C, SIGTERM), cleaned up

Flags: ./conformance COMMAND --help, or docs/cli.md. Causes: docs/causes.md.`;

/** The launcher asks for this before it installs an engine, so that a misspelt flag is found first. */
const checkOnly = process.env['CONFORMANCE_CHECK_ARGUMENTS'] === '1';

const configOption = (): Option =>
  new Option(
    '--config <file>',
    'read settings from this file (default: conformance.config.ts of this folder, if it exists)',
  ).helpGroup('Output:');
const jsonOption = (): Option =>
  new Option(
    '--json',
    'print events on stdout, one JSON object a line; text for people goes to stderr',
  ).helpGroup('Output:');
const istioNamespaceOption = (): Option =>
  new Option('--istio-namespace <name>', "namespace of Istio's control plane").default(istioSystem);

/** @param commands Names of all commands: a mistyped one becomes an argument of the default command */
function runCommand(commands: () => readonly string[]): Command {
  return withSettings(new Command('run'), 'run')
    .description('run the document and print a verdict (default command)')
    .allowExcessArguments()
    .addOption(new Option('--list', 'list the steps and exit').helpGroup('What to run:'))
    .addOption(jsonOption())
    .addOption(configOption())
    .addHelpText('after', settingsHelp)
    .action(async ({ list }: { readonly list?: true }, command: Command) => {
      const [word] = command.args;
      if (word !== undefined) {
        throw new UsageError(
          `There is no command ${word}; the nearest is ${closest(word, commands())}`,
          'The commands: ./conformance --help',
        );
      }
      const { argumentsMustBeValid, checked, listSteps, run } = await import('./run.ts');
      const { run: settings } = await chosenSettings(command);
      if (list === true) {
        listSteps(settings.values);
        return;
      }
      const plan = await argumentsMustBeValid(settings.values);
      process.exitCode = checkOnly ? checked(settings.values) : await run(settings, plan);
    });
}

const settingsHelp = `
Every flag but --list, --json and --config can also be set by an environment
variable (--report-dir by CONFORMANCE_REPORT_DIR) or in conformance.config.ts:
docs/cli.md.`;

function gateCommand(): Command {
  return withSettings(new Command('gate'), 'gate')
    .description('upgrade a mesh under live traffic, and say whether the upgrade may go out')
    .addOption(jsonOption())
    .addOption(configOption())
    .action(async (_flags: unknown, command: Command) => {
      const { gate, gateOf } = await import('./gate.ts');
      const { checked } = await import('./run.ts');
      const request = await gateOf(await chosenSettings(command));
      process.exitCode = checkOnly ? checked(request.settings.values) : await gate(request);
    });
}

interface FaultsFlags {
  readonly healthy?: boolean;
  readonly list?: true;
  readonly table?: string;
}

function faultsCommand(): Command {
  return withSettings(new Command('faults'), 'faults')
    .description('put faults into a mesh one at a time, and show which of them the suite catches')
    .argument('[id...]', 'faults, or healthy meshes, to try; all when none is given')
    .addOption(
      new Option(
        '--healthy',
        'put ordinary, healthy configurations into a mesh instead: the suite must be green in each',
      ).helpGroup('What to run:'),
    )
    .addOption(
      new Option('--list', 'list the faults, or the healthy meshes, and exit').helpGroup('What to run:'),
    )
    .addOption(new Option('--table <file>', 'write the results as a Markdown table').helpGroup('Output:'))
    .addOption(configOption())
    .action(async (ids: string[], { healthy = false, list, table }: FaultsFlags, command: Command) => {
      const { idsMustExist, listFaults, listHealthy, tryFaults, tryHealthy } = await import('./faults.ts');
      if (list === true) {
        (healthy ? listHealthy : listFaults)();
        return;
      }
      const { argumentsMustBeValid } = await import('./run.ts');
      const { values: configuration } = (await chosenSettings(command)).run;
      idsMustExist(ids, healthy);
      await argumentsMustBeValid(configuration);
      if (checkOnly) return;
      const options = { configuration, ids, ...(table === undefined ? {} : { table }) };
      process.exitCode = await (healthy ? tryHealthy : tryFaults)(options);
    });
}

function doctorCommand(): Command {
  return withSettings(new Command('doctor'), 'doctor')
    .description('check engine, machine and network for a run; starts no cluster')
    .addOption(
      new Option('--json', 'print JSON: {"checks": [{"id", "status", "message", "hint"}]}').helpGroup(
        'Output:',
      ),
    )
    .action(async ({ json }: { readonly json?: true }, command: Command) => {
      const { doctor } = await import('./doctor.ts');
      const asked = flagSettings(command);
      if (!checkOnly) process.exitCode = await doctor(asked, json === true);
    });
}

interface ReportFlags {
  readonly compare?: true;
  readonly open?: true;
  readonly output?: string;
}

export function reportCommand(): Command {
  return new Command('report')
    .description("make a run's page again from its results.json, or compare two runs")
    .argument('[run...]', "a run's report folder, or its results.json (default: reports/latest)")
    .option('--compare', 'show what differs between two runs, the earlier one first')
    .option('--open', 'open the page in a browser')
    .option('--output <file>', 'write the page to this file instead of the report folder')
    .action(async (runs: string[], { compare, open, output }: ReportFlags) => {
      const [first = 'reports/latest', second, ...more] = runs;
      const choice = { open: open === true, ...(output === undefined ? {} : { output }) };
      if (compare === true) {
        if (runs.length !== 2 || second === undefined) {
          throw new UsageError(
            `--compare takes two runs, not ${runs.length}.`,
            'report --compare BEFORE AFTER, each a report folder or its results.json',
          );
        }
        const { comparePage } = await import('./report.ts');
        if (!checkOnly) await comparePage(first, second, choice);
        return;
      }
      if (second !== undefined) {
        throw new UsageError(
          `report makes the page of one run, not of ${2 + more.length}.`,
          'To compare two: report --compare BEFORE AFTER',
        );
      }
      const { remakePage } = await import('./report.ts');
      if (!checkOnly) await remakePage(first, choice);
    });
}

interface MatrixFlags {
  readonly json?: true;
  readonly istio: string;
  readonly k8s: string;
  readonly images: ImageChoice;
  readonly discover?: true;
  readonly api: string;
  readonly write?: string;
}

function matrixCommand(): Command {
  return withSettings(new Command('matrix'), 'matrix')
    .description('print the version pairs and upgrades that fixtures/versions.yaml allows')
    .option('--print', 'print tables (default)')
    .addOption(new Option('--json', 'print one line of JSON, for GitHub Actions').conflicts('print'))
    .option('--istio <range>', "only versions of Istio within this range, e.g. '>=1.28 <1.30'", '')
    .option('--k8s <range>', 'only versions of Kubernetes within this range', '')
    .option('--discover', 'ask GitHub for the newest releases of Istio and k3s instead (GITHUB_TOKEN)')
    .option('--api <url>', "with --discover: address of GitHub's API, or of a proxy of it", githubApi)
    .option('--write <file>', 'with --discover: write a copy of fixtures/versions.yaml that has them')
    .action(async ({ json, istio, k8s, images, discover: wanted, api, write }: MatrixFlags) => {
      if (write !== undefined && wanted !== true) {
        throw new UsageError('--write belongs to --discover.', 'matrix --discover --write FILE');
      }
      const { discover, printMatrix } = await import('./matrix.ts');
      if (checkOnly) return;
      const form = { json: json === true };
      if (wanted === true) await discover({ ...form, api, ...(write === undefined ? {} : { write }) });
      else printMatrix({ ...form, istio, k8s, images });
    });
}

function imagesCommand(): Command {
  const images = new Command('images').description('list, build, pull, save and load the images of a run');
  withSettings(images.command('list'), 'images list')
    .description('list role, reference, digest, source, size and cache state; of a mirror also the original')
    .action(async (choice: SetChoice) => {
      const { listSet } = await import('./images.ts');
      await listSet(choice);
    });
  withSettings(images.command('build'), 'images build')
    .description('build the source image set')
    .action(async (versions: VersionChoice) => {
      const { prepareSet } = await import('./images.ts');
      await prepareSet({ ...versions, images: 'source', image: {} }, checkOnly);
    });
  const pull = withSettings(images.command('pull'), 'images pull');
  // There is nothing to choose: only registries and mirrors can be pulled from.
  pull.options.find(({ long }) => long === '--images')?.default('registry' satisfies ImageChoice);
  pull.setOptionValueWithSource('images', 'registry', 'default');
  pull
    .description('pull the images from their registries, or from a mirror')
    .action(async (choice: SetChoice) => {
      if (choice.images === 'source') {
        throw new UsageError('The source set is not pulled.', 'It is built: ./conformance images build');
      }
      const { prepareSet } = await import('./images.ts');
      await prepareSet(choice, checkOnly);
    });
  withSettings(images.command('save'), 'images save')
    .description('write a whole set to one file, for machines without a registry')
    .argument('<file>', 'e.g. set.tar.zst; compressed if it ends in .zst or .gz')
    .option('--force', 'replace an existing file')
    .action(async (file: string, { force, ...choice }: SetChoice & { readonly force?: true }) => {
      const { saveSet } = await import('./images.ts');
      await saveSet(file, { ...choice, force: force === true }, checkOnly);
    });
  images
    .command('load')
    .description('load a file that images save wrote; runs of its versions then need no registry')
    .argument('<file>')
    .action(async (file: string) => {
      const { loadFile } = await import('./images.ts');
      await loadFile(file, checkOnly);
    });
  return images;
}

function cleanCommand(): Command {
  return withSettings(new Command('clean'), 'clean')
    .description('remove kept clusters and leftovers of runs, found by label, and nothing else')
    .option(
      '--force',
      'in an existing cluster, also remove leftovers of another machine’s run, which may be running',
    )
    .action(async ({ force }: { readonly force?: true }, command: Command) => {
      const { clean } = await import('./clean.ts');
      const configuration = flagSettings(command);
      if (!checkOnly) await clean(configuration, force === true);
    });
}

interface RbacFlags {
  readonly gate?: true;
  readonly istioNamespace: string;
  readonly user?: string;
}

function rbacCommand(): Command {
  return withSettings(new Command('rbac'), 'rbac')
    .description('print the namespaces and least permissions of a run with --kubeconfig, for kubectl apply')
    .addOption(istioNamespaceOption())
    .option('--user <name>', 'grant them to this user instead of a service account')
    .option('--gate', 'also what gate --kubeconfig needs: to ask istiod whom it serves')
    .action(async ({ istioNamespace: system, user, gate }: RbacFlags, command: Command) => {
      const { printRbac } = await import('./manifests.ts');
      const configuration = flagSettings(command);
      if (!checkOnly)
        printRbac(configuration, { system, gate: gate === true, ...(user === undefined ? {} : { user }) });
    });
}

interface JobFlags {
  readonly image: string;
  readonly jobNamespace: string;
  readonly reportConfigMap: string;
  readonly volume?: string;
  readonly imagePullSecret: string[];
  readonly istioNamespace: string;
}

function jobCommand(): Command {
  return withSettings(new Command('job'), 'job')
    .description('print a Job that runs the suite inside a cluster, with its permissions, for kubectl apply')
    .usage('--image <reference> [options] [-- flags of run]')
    .argument('[flags of run...]', 'after --, e.g. -- --target hermetic')
    .requiredOption('--image <reference>', "the suite's own image, built with the Dockerfile")
    .option('--job-namespace <name>', 'namespace of the Job', 'conformance')
    .option(
      '--report-config-map <name>',
      'ConfigMap of that namespace that gets the report',
      'conformance-report',
    )
    .option('--volume <claim>', 'PersistentVolumeClaim of that namespace that also gets the report')
    .option(
      '--image-pull-secret <name>',
      'Secret of that namespace to pull the image with; repeatable',
      collect,
      [],
    )
    .addOption(istioNamespaceOption())
    .action(async (runArguments: string[], flags: JobFlags, command: Command) => {
      const { printJob } = await import('./manifests.ts');
      const { image, jobNamespace: namespace, reportConfigMap: report, volume } = flags;
      const job = { image, namespace, report, volume, pullSecrets: flags.imagePullSecret };
      printJob(flagSettings(command), {
        ...job,
        runArguments,
        runCommand: runCommand(() => []),
        system: flags.istioNamespace,
        checkOnly,
      });
    });
}

/** @param program What is completed */
function completionCommand(program: () => Command): Command {
  return new Command('completion')
    .description('print shell completion: eval "$(./conformance completion bash)"')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completion } = await import('./completion.ts');
      process.stdout.write(completion(shell, program()));
    });
}

/** Commands that were made by themselves inherit nothing from the program. */
function inAll(command: Command, set: (command: Command) => void): void {
  set(command);
  for (const inner of command.commands) inAll(inner, set);
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
