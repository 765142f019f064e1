/**
 * An Envoy access log format string, compiled to a parser.
 * Format strings are Envoy's own: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
export interface CompiledFormat {
  /** The operators in order, without the percent signs, e.g. `REQ(:METHOD)`. */
  readonly operators: readonly string[];
  /** Operator to value for a whole line, undefined when the line is not of this format. `-` stays `-`. */
  readonly parse: (line: string) => ReadonlyMap<string, string> | undefined;
}

/** One operator of a format string and the text that stands before it. */
export interface Field {
  readonly operator: string;
  readonly literalBefore: string;
  readonly pattern: string;
  readonly quoted: boolean;
}

/**
 * Every pattern excludes the literal that ends it, so that a line has at most one reading.
 * - alone between quotes: anything but a raw quote. Envoy's text format escapes nothing, hence a value holding
 *   a quote can be read in two ways; such a line is rejected unless the quote is escaped.
 * - several between one pair of quotes (`"%REQ(:METHOD)% … %PROTOCOL%"`): as above, without spaces.
 * - between brackets, or bare: no spaces.
 */
const patterns = {
  quoted: String.raw`(?:[^"\\]|\\.)*`,
  quotedPart: String.raw`(?:[^"\\\s]|\\\S)+`,
  bracketed: String.raw`[^\]\s]+`,
  bare: String.raw`\S+`,
  /** Envoy turns blanks in RESPONSE_CODE_DETAILS into `_`, but leaves those of this one as they are. */
  words: String.raw`[^"\s]+(?: [^"\s]+)*`,
} as const;
const withBlanks: ReadonlySet<string> = new Set(['CONNECTION_TERMINATION_DETAILS']);

const operatorPattern = /%([A-Z][A-Z0-9_]*(?:\([^)]*\))?(?::\d+)?)%/g;

/**
 * Compiles a format string; a final newline in it is ignored, as lines come without one.
 * @throws TypeError when the format names no operator, or one twice.
 */
export function compileFormat(format: string): CompiledFormat {
  const text = format.replace(/\n$/, '');
  const { fields, tail } = splitFormat(text);
  const operators = fields.map((field) => field.operator);
  if (operators.length === 0) throw new TypeError(`no operator in the access log format: ${format}`);
  if (new Set(operators).size !== operators.length) {
    throw new TypeError(`an operator occurs twice in the access log format: ${format}`);
  }
  const expression = new RegExp(
    `^${fields.map((field) => `${literally(field.literalBefore)}(${field.pattern})`).join('')}${literally(tail)}$`,
  );
  return {
    operators,
    parse(line) {
      const match = expression.exec(line);
      if (match === null) return undefined;
      return new Map(
        fields.map((field, index) => {
          const value = match[index + 1] ?? '';
          return [field.operator, field.quoted ? unescape(value) : value] as const;
        }),
      );
    },
  };
}

/** The operators of a format string in order, and what stands after the last one. */
export function splitFormat(text: string): { readonly fields: readonly Field[]; readonly tail: string } {
  const found = [...text.matchAll(operatorPattern)].map((match) => ({
    operator: match[1] ?? '',
    start: match.index,
    end: match.index + match[0].length,
  }));
  const fields = found.map(({ operator, start, end }, index): Field => {
    const literalBefore = text.slice(found[index - 1]?.end ?? 0, start);
    const quoted = (text.slice(0, start).match(/"/g)?.length ?? 0) % 2 === 1;
    const pattern = quoted
      ? text[start - 1] === '"' && text[end] === '"'
        ? patterns.quoted
        : patterns.quotedPart
      : text[end] === ']'
        ? patterns.bracketed
        : withBlanks.has(operator)
          ? patterns.words
          : patterns.bare;
    return { operator, literalBefore, pattern, quoted };
  });
  return { fields, tail: text.slice(found.at(-1)?.end ?? 0) };
}

/** The text as a part of a regular expression: RegExp.escape came with Node 24, and the project supports 22. */
export function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

function unescape(value: string): string {
  return value.replace(/\\(["\\])/g, '$1');
}
