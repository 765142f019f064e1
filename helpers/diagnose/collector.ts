/** A row of the bundle's index. */
export interface EvidenceFile {
  /** Path in the bundle's folder; of a file that could not be had, where it would be. */
  readonly file: string;
  readonly what: string;
  /** Why the file is not there. */
  readonly problem?: string;
}

export interface Collected {
  readonly text: string;
  /** What a reader must know of the text, e.g. that it was cut. */
  readonly note?: string | undefined;
  /** What to collect besides, found on the way. */
  readonly more?: readonly Collector[] | undefined;
}

/** One file of evidence. */
export interface Collector {
  readonly file: string;
  readonly what: string;
  /**
   * Gives the text; undefined when there is nothing of the kind, which is no problem and no row.
   * @param signal aborted when nobody waits for it any more
   */
  readonly collect: (signal: AbortSignal) => Promise<Collected | undefined>;
}

/** A file whose text is there already, or only has to be made up. */
export function given(file: string, what: string, text: () => string): Collector {
  return {
    file,
    what,
    collect: () =>
      new Promise((resolve) => {
        resolve({ text: text() });
      }),
  };
}

/** Any value as JSON for people. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
