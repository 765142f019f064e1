import { fingerprint, type Inputs } from './fingerprint.ts';

/** One thing that is built: a folder of binaries, an image. Its key is a hash of everything it is made from. */
export interface Step {
  /** Unique, and what people read: `go`, `image pilot`. */
  readonly name: string;
  readonly inputs: Inputs;
  readonly needs: readonly Step[];
  /** Disk space that making it takes, caches of its tools included. */
  readonly bytes: number;
  /** Where the result is: a path or an image reference, with the first 12 digits of the key in it. */
  readonly output: (key: string) => string;
  readonly exists: (output: string) => Promise<boolean>;
  readonly make: (work: Work) => Promise<void>;
}

/** What a step gets to work with. */
export interface Work {
  readonly output: string;
  /** Result of a step that this one needs. */
  readonly outputOf: (step: Step) => string;
  /** Replaces what is shown of this step, e.g. `812 of 3600 packages`. */
  readonly report: (detail: string) => void;
  readonly log: (line: string) => void;
  /** Reuse nothing that an engine or a tool has cached of this step. */
  readonly rebuild: boolean;
  readonly signal: AbortSignal;
}

export interface Plan {
  readonly outputs: ReadonlyMap<Step, string>;
  /** Steps to make, each after those it needs. */
  readonly missing: readonly Step[];
}

/**
 * What has to be made so that the targets exist. A step whose result exists needs nothing more, so what it was
 * once made from may be gone.
 */
export async function plan(targets: readonly Step[], { rebuild = false } = {}): Promise<Plan> {
  const keys = new Map<Step, Promise<string>>();
  const outputs = new Map<Step, string>();
  const missing: Step[] = [];
  const seen = new Map<Step, Promise<void>>();
  const keyOf = (step: Step): Promise<string> => {
    const known = keys.get(step) ?? computeKey(step, keyOf);
    keys.set(step, known);
    return known;
  };
  const visit = async (step: Step): Promise<void> => {
    const output = step.output((await keyOf(step)).slice(0, 12));
    outputs.set(step, output);
    if (!rebuild && (await step.exists(output))) return;
    await Promise.all(step.needs.map(visitOnce));
    missing.push(step);
  };
  const visitOnce = (step: Step): Promise<void> => {
    const visited = seen.get(step) ?? visit(step);
    seen.set(step, visited);
    return visited;
  };
  await Promise.all(targets.map(visitOnce));
  return { outputs, missing };
}

/**
 * Makes what is missing, as many steps at once as their needs allow. When one step fails, the others are
 * cancelled, and the first error is thrown once all have ended.
 */
export async function execute(
  { outputs, missing }: Plan,
  makeOne: (step: Step, basics: Pick<Work, 'output' | 'outputOf' | 'signal'>) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const stop = signal === undefined ? failed.signal : AbortSignal.any([failed.signal, signal]);
  const outputOf = (step: Step): string => {
    const output = outputs.get(step);
    if (output === undefined) throw new Error(`${step.name} is not in the plan`);
    return output;
  };
  const started = new Map<Step, Promise<void>>();
  const run = async (step: Step): Promise<void> => {
    await Promise.all(step.needs.flatMap((need) => started.get(need) ?? []));
    stop.throwIfAborted();
    await makeOne(step, { output: outputOf(step), outputOf, signal: stop });
  };
  let first: { readonly error: unknown } | undefined;
  for (const step of missing) {
    const work = run(step);
    started.set(step, work);
    work.catch((error: unknown) => {
      first ??= { error };
      failed.abort(error);
    });
  }
  await Promise.allSettled(started.values());
  if (first !== undefined) throw first.error;
}

async function computeKey(step: Step, keyOf: (step: Step) => Promise<string>): Promise<string> {
  const keys = await Promise.all(step.needs.map(async (need) => [need.name, await keyOf(need)] as const));
  return fingerprint(step.inputs, Object.fromEntries(keys));
}
