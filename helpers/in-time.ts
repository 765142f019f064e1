/** Items sorted by a time of theirs, for queries by interval. */
export class InTime<T> {
  readonly #sorted: readonly T[];
  readonly #at: (one: T) => number;

  constructor(all: readonly T[], at: (one: T) => number) {
    this.#sorted = [...all].sort((a, b) => at(a) - at(b));
    this.#at = at;
  }

  /** Items whose time is in [from, to], the earliest first. */
  during(from: number, to: number): readonly T[] {
    return this.#sorted.slice(
      this.#first((time) => time >= from),
      this.#first((time) => time > to),
    );
  }

  /** Index of the first whose time is late enough. */
  #first(isLate: (time: number) => boolean): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const one = this.#sorted[middle];
      if (one !== undefined && !isLate(this.#at(one))) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
