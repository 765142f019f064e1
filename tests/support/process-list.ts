import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Between two looks, in ms: a process of this machine that lives longer is seen, and the rest of it can work. */
const paceMs = 10;

/** Looks again and again at the arguments and the environment of every process of this machine, containers' included. */
export class ProcessList implements AsyncDisposable {
  /** What held one of the texts: pid, which of the two, and the command. */
  readonly found = new Set<string>();
  /** Processes seen whose arguments hold this word, e.g. curl: that the list was looked at while they ran. */
  readonly seen = new Set<string>();
  /** How often all of them were looked at. */
  rounds = 0;
  readonly #texts: readonly string[];
  readonly #word: string;
  readonly #mayKnow: (command: string) => boolean;
  #over = false;
  readonly #done: Promise<void>;

  /**
   * @param texts What must be in none of them
   * @param word Of the arguments of processes that are counted
   * @param mayKnow Commands whose environment may hold them: who was given them
   */
  constructor(texts: readonly string[], word: string, mayKnow: (command: string) => boolean) {
    this.#texts = texts;
    this.#word = word;
    this.#mayKnow = mayKnow;
    this.#done = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#isOver()) {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
      await Promise.all(pids.map((pid) => this.#look(pid)));
      this.rounds += 1;
      await delay(paceMs);
    }
  }

  #isOver(): boolean {
    return this.#over;
  }

  async #look(pid: string): Promise<void> {
    // It may have ended meanwhile.
    const [cmdline, environ] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '')),
    );
    const command = (cmdline ?? '').replaceAll('\0', ' ').trim();
    if (command.includes(this.#word)) this.seen.add(pid);
    const holds = (text = ''): boolean => this.#texts.some((secret) => text.includes(secret));
    if (holds(cmdline)) this.found.add(`${pid} arguments: ${command}`);
    if (holds(environ) && !this.#mayKnow(command)) this.found.add(`${pid} environment: ${command}`);
  }
}
