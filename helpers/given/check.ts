import { dockerode as engine } from '../engine.ts';
import { EnvironmentError, UsageError } from '../errors.ts';
import { runToEnd } from '../cluster/one-shot.ts';
import type { ImageSet } from '../images/roles.ts';
import { installArguments } from '../istio/install.ts';
import { nameOf } from '../kube/client.ts';
import { timeouts } from '../timeouts.ts';
import { everyFilter } from './analysis.ts';
import { placeAbout, type GivenDocument } from './document.ts';
import { overlayOf, problemText, type Given, type GivenProblem } from './given.ts';

interface Checked {
  readonly given: Given;
  /** The suite's own configuration of Istio, with its `${NAMES}`. */
  readonly base: string;
  readonly runId: string;
}

/**
 * What istioctl of a set's version says of the user's configuration. It runs without a cluster and without a network.
 * @throws EnvironmentError when istioctl itself cannot do its work
 */
export async function problemsOf(
  { given, base, runId }: Checked,
  set: ImageSet,
  version: 'from' | 'to',
): Promise<readonly GivenProblem[]> {
  const overlay = overlayOf(given, base, version);
  const config = version === 'to' ? (given.istioTo ?? given.istio) : given.istio;
  const image = set.images.istioctl.reference;
  const manifests = [...new Set(given.objects.map(({ document }) => document.text))].join('\n---\n');
  const install = installArguments(set, base, overlay);
  const files = {
    ...(config === undefined ? {} : { '/given/istio.yaml': config.operator }),
    ...(manifests === '' ? {} : { '/given/manifests.yaml': manifests }),
  };
  const [validated, generated] = await Promise.all([
    offline(image, runId, {
      // Istio takes unknown fields of meshConfig without a word, but in its debug log.
      args: [
        'validate',
        ...Object.keys(files).flatMap((file) => ['--filename', file]),
        '--log_output_level=all:debug',
      ],
      files,
    }),
    offline(image, runId, { args: ['manifest', 'generate', ...install.args], files: install.files }),
  ]);
  const problems = validationOf(validated.printed).map(({ key, ...said }) => ({
    ...said,
    ...placed(given, config?.document, key, said.message),
  }));
  if (generated.exitCode !== 0 && config !== undefined) {
    const message = errorIn(generated.stderr);
    // `validate` says the same of what it knows.
    if (!problems.some((problem) => problem.about === istioOperator)) {
      problems.push({
        level: 'error',
        message,
        about: istioOperator,
        ...placeAbout(config.document, message),
      });
    }
  }
  if (validated.exitCode !== 0 && !problems.some(({ level }) => level === 'error')) {
    throw new EnvironmentError(
      `istioctl ${set.istio} could not validate the configuration: ${errorIn(validated.printed)}`,
      'Read what it says; report it if the configuration is right.',
    );
  }
  if (generated.exitCode === 0) problems.push(...unknownKinds(given, generated.stdout, set.istio));
  return [...new Map(problems.map((problem) => [problemText(problem), trimmed(problem)])).values()];
}

const istioOperator = 'IstioOperator';

function trimmed({ file, line, level, about, message }: GivenProblem): GivenProblem {
  return { file, line, level, about, message };
}

async function offline(
  image: string,
  runId: string,
  { args, files }: { readonly args: readonly string[]; readonly files: Readonly<Record<string, string>> },
): Promise<{
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly printed: string;
}> {
  const options = { Image: image, Cmd: [...args], HostConfig: { NetworkMode: 'none' } };
  const { exitCode = -1, ...printed } = await runToEnd(await engine(), options, {
    runId,
    files,
    timeoutMs: timeouts.istioctl,
  });
  return { exitCode, ...printed };
}

interface Said {
  readonly level: GivenProblem['level'];
  /** `Kind/namespace/name` as istioctl writes it. */
  readonly key: string;
  readonly message: string;
}

/** What `istioctl validate` says, object by object. */
export function validationOf(printed: string): Said[] {
  const found: { level: Said['level']; key: string; message: string }[] = [];
  let level: Said['level'] | undefined;
  for (const line of printed.split('\n')) {
    const unknown = /Failed to decode proto: "(unknown field .* in istio\.mesh\.\S+)"\. Trying/.exec(
      line,
    )?.[1];
    if (unknown !== undefined) {
      found.push({ level: 'error', key: `${istioOperator}//`, message: unknown.replaceAll('\\', '') });
      continue;
    }
    if (/ has warnings:\s*$/.test(line)) level = 'warning';
    else if (/^(?:Error: )?\d+ errors? occurred:\s*$/.test(line)) level = 'error';
    if (level === undefined) continue;
    const [, key, message] = /^\t\* (\w+\/[^/\s]*\/[^:\s]*): (.*)$/.exec(line) ?? [];
    if (key !== undefined && message !== undefined) found.push({ level, key, message });
    else if (/^\s+\* /.test(line)) {
      const last = found.at(-1);
      if (last !== undefined) last.message += ` ${line.trim().slice(2)}`;
    }
  }
  return found.filter(({ message }) => !message.startsWith(everyFilter));
}

function placed(
  given: Given,
  config: GivenDocument | undefined,
  key: string,
  message: string,
): Pick<GivenProblem, 'about' | 'file' | 'line'> {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  if (kind === istioOperator && config !== undefined) {
    const { file, line } = placeAbout(config, message);
    return { about: istioOperator, file, line };
  }
  const found = given.objects.find(
    ({ object: { kind: is, metadata } }) =>
      is === kind && metadata?.name === name && (metadata.namespace ?? '') === namespace,
  );
  if (found === undefined) {
    return { about: key, file: given.files[0]?.file ?? '', line: 1 };
  }
  const place = placeAbout(found.document, message);
  // Of a list, or where the message names nothing in it: the object itself.
  const { file, line } = place.line === found.document.line ? found : place;
  return { about: nameOf(found.object), file, line };
}

/** Objects of Istio's groups whose kind or version this version's CustomResourceDefinitions do not have. */
export function unknownKinds({ objects }: Given, generated: string, istio: string): GivenProblem[] {
  const served = new Set<string>();
  const groups = new Set<string>();
  for (const document of generated.split(/^---$/m)) {
    if (!/^kind: CustomResourceDefinition$/m.test(document)) continue;
    const group = /^ {2}group: (\S+)$/m.exec(document)?.[1] ?? '';
    const kind = /^ {4}kind: (\S+)$/m.exec(document)?.[1] ?? '';
    groups.add(group);
    for (const [, version = ''] of document.matchAll(/^ {2}(?:- | {2})name: (v\w+)$/gm)) {
      served.add(`${group}/${version} ${kind}`);
    }
  }
  return objects.flatMap(({ object, file, line }) => {
    const { apiVersion = '', kind = '' } = object;
    const name = `${apiVersion} ${kind}`;
    if (!groups.has(apiVersion.split('/')[0] ?? '') || served.has(name)) return [];
    const others = [...served].filter((each) => each.endsWith(` ${kind}`)).map((each) => each.split(' ')[0]);
    const message = `Istio ${istio} has no ${kind} of ${apiVersion}${others.length === 0 ? '' : `, but of ${others.join(', ')}`}`;
    return [{ level: 'error', about: nameOf(object), message, file, line }];
  });
}

/** The error that istioctl ends with. */
function errorIn(printed: string): string {
  const at = printed.lastIndexOf('Error: ');
  return (at < 0 ? printed : printed.slice(at + 'Error: '.length)).trim().split('\n').slice(0, 3).join(' ');
}

/**
 * Checks a configuration by istioctl of each version that the run is about, before anything is started.
 * @param sets Of a gate those of both versions
 * @returns it, with what only the version to upgrade to objects to: that is for the gate to judge
 * @throws UsageError naming every error by file and line
 */
export async function checkedGiven(
  checked: Checked,
  sets: readonly ImageSet[],
): Promise<{ readonly given: Given; readonly warnings: readonly string[] }> {
  const { given } = checked;
  const [from, to] = sets;
  if (from === undefined) throw new TypeError('no version to check a configuration by');
  const before = await problemsOf(checked, from, 'from');
  refuse(before, from.istio);
  const after = to === undefined ? [] : await problemsOf(checked, to, 'to');
  // What was written for the new version alone cannot be a field that is gone.
  if (to !== undefined && given.istioTo !== undefined) {
    refuse(
      after.filter(({ about }) => about === istioOperator),
      to.istio,
    );
  }
  const known = new Set(before.map(problemText));
  return {
    given: { ...given, newProblems: after.filter((problem) => !known.has(problemText(problem))) },
    warnings: before.filter(({ level }) => level === 'warning').map(problemText),
  };
}

function refuse(problems: readonly GivenProblem[], istio: string): void {
  const errors = problems.filter(({ level }) => level === 'error');
  if (errors.length === 0) return;
  throw new UsageError(
    `Istio ${istio} does not take this configuration:\n${errors.map((problem) => `  ${problemText(problem)}`).join('\n')}`,
    'Correct the files; nothing was started. These are the words of istioctl of that version.',
  );
}
