/** Lets somebody wait for the next change of something, so that nobody has to ask again and again. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** To be called when something has changed. */
  tell(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next change, or after `timeoutMs`. */
  async next(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#waiting.add(wake);
    });
  }
}
