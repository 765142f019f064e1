import type { Fit, Subject } from './fit.ts';
import type { LineIndex, ReadLine } from './line-index.ts';
import { isFailure, type ParseFailure } from './parse-failure.ts';
import type {
  LogWitness,
  OriginStatement,
  ProxyStatement,
  SidecarStatement,
  UnmatchedLine,
} from './statements.ts';

export type LogStatement = SidecarStatement | ProxyStatement | OriginStatement;

/** One physical line. The same line seen by several observations is one; twice in one log is two. */
export interface Line<S extends LogStatement> {
  readonly text: string;
  readonly parsed: S | ParseFailure;
}

/** A trip with the lines that its logs yielded; trips that share a list of lines share what is made of it. */
export type Seeing = Subject & {
  readonly lines: Readonly<Record<LogWitness, readonly string[] | undefined>>;
};

/** The lines that one list of texts stands for, each physical line once, and the index over them. */
interface View<S extends LogStatement> {
  readonly all: readonly Line<S>[];
  readonly index: LineIndex<S>;
}

/** The lines of one log that any of the trips saw. */
export class Pool<S extends LogStatement> {
  readonly #witness: LogWitness;
  readonly #byText = new Map<string, Line<S>[]>();
  readonly #views = new Map<readonly string[], View<S>>();
  readonly #indexOf: (lines: readonly ReadLine<S>[]) => LineIndex<S>;

  /** @param indexOf Makes the index over lines that could be read */
  constructor(
    witness: LogWitness,
    subjects: readonly Seeing[],
    parse: (line: string) => S | ParseFailure,
    indexOf: (lines: readonly ReadLine<S>[]) => LineIndex<S>,
  ) {
    this.#witness = witness;
    this.#indexOf = indexOf;
    for (const texts of new Set(subjects.map(({ lines }) => lines[witness] ?? nothing))) {
      const counts = new Map<string, number>();
      for (const text of texts) {
        if (text.trim() === '') continue;
        const count = (counts.get(text) ?? 0) + 1;
        counts.set(text, count);
        const known = this.#byText.get(text);
        if (known === undefined) this.#byText.set(text, [{ text, parsed: parse(text) }]);
        else if (known.length < count) known.push({ text, parsed: parse(text) });
      }
    }
  }

  /** Those of the lines a trip saw that may be its own. */
  index(subject: Seeing): LineIndex<S> {
    return this.#view(subject).index;
  }

  /** What a trip saw that is nobody's, each with why. */
  leftOver(
    subject: Seeing,
    credited: ReadonlySet<Line<S>>,
    fit: (subject: Subject, line: S) => Fit,
  ): UnmatchedLine[] {
    return this.#view(subject)
      .all.filter((line) => !credited.has(line))
      .map((line) => unmatchedLine(this.#witness, line, (parsed) => fit(subject, parsed)));
  }

  #view({ lines }: Seeing): View<S> {
    const texts = lines[this.#witness] ?? nothing;
    const known = this.#views.get(texts);
    if (known !== undefined) return known;
    const all = [...new Set(texts)].flatMap((text) => this.#byText.get(text) ?? []);
    const view = { all, index: this.#indexOf(all.filter(isRead)) };
    this.#views.set(texts, view);
    return view;
  }
}

const nothing: readonly string[] = [];

function isRead<S extends LogStatement>(line: Line<S>): line is ReadLine<S> {
  return !isFailure(line.parsed);
}

function unmatchedLine<S extends LogStatement>(
  witness: LogWitness,
  line: Line<S>,
  fit: (statement: S) => Fit,
): UnmatchedLine {
  const { text, parsed } = line;
  if (isFailure(parsed)) {
    const foreign = parsed.kind === 'json' || parsed.kind === 'foreign-format';
    return { witness, line: text, reason: foreign ? 'foreign-format' : 'unparsable', why: parsed.why };
  }
  const how = fit(parsed);
  return how.fits === 'no'
    ? { witness, line: text, reason: how.reason, why: how.why }
    : { witness, line: text, reason: 'surplus', why: 'it fits, but another line fits better' };
}
