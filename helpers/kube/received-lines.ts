/** Lines in the order they came, and a wait for the next one. A reader takes a cursor and asks for what came after it. */
export class Lines {
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();

  protected add(line: string): void {
    this.#lines.push(line);
    this.wake();
  }

  /** Number of lines so far: what comes later has a higher index. */
  cursor(): number {
    return this.#lines.length;
  }

  /** The lines since a cursor. */
  since(cursor: number): readonly string[] {
    return this.#lines.slice(cursor);
  }

  /** Ends every wait, also when no line came. */
  protected wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next line, or after `timeoutMs`. */
  async changed(timeoutMs: number): Promise<void> {
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
