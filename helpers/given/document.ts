import {
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseAllDocuments,
  parseDocument,
  visit,
  type Document,
} from 'yaml';
import { UsageError } from '../errors.ts';

/** Where something stands in a file of the user's. */
export interface Place {
  /** As the user said it. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

/** `your/filter.yaml:12`. */
export function placeText({ file, line }: Place): string {
  return `${file}:${line}`;
}

/** A YAML document of a file, as text: positions are found again by parsing it. */
export interface GivenDocument extends Place {
  readonly text: string;
}

/**
 * The documents of a YAML (or JSON) text that hold something, each with the line that it begins on.
 * @throws UsageError with file, line and column where the text is not YAML
 */
export function documentsIn(text: string, file: string): GivenDocument[] {
  const lines = new LineCounter();
  return parseAllDocuments(text, { lineCounter: lines, prettyErrors: false }).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw new UsageError(`${file}:${line}:${col} is not valid YAML: ${error.message}`, 'Correct the file.');
    }
    const contents: unknown = document.contents;
    if (!isNode(contents) || document.toJS() === null) return [];
    const [from = 0, , to = text.length] = contents.range ?? [];
    // From the beginning of its line: indentation has a meaning.
    const start = text.lastIndexOf('\n', from - 1) + 1;
    const { line } = lines.linePos(start);
    return [{ file, line, text: text.slice(start, to) }];
  });
}

export function valueOf({ text }: Pick<GivenDocument, 'text'>): unknown {
  return parseDocument(text).toJS();
}

/** Where a path of keys stands in a document; undefined where it has no such path. */
export function placeOf(document: GivenDocument, path: readonly (string | number)[]): Place | undefined {
  const lines = new LineCounter();
  const parsed = parseDocument(document.text, { lineCounter: lines });
  const offset = keyOffset(parsed, path);
  return offset === undefined ? undefined : at(document, lines, offset);
}

/** Of the key, not of the value, which may stand lines below. */
function keyOffset(parsed: Document, path: readonly (string | number)[]): number | undefined {
  const parent: unknown = path.length === 1 ? parsed.contents : parsed.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  if (last === undefined || !parsed.hasIn(path)) return undefined;
  let offset: number | undefined;
  if (isNode(parent)) {
    visit(parent, {
      Pair: (_key, pair) => {
        if (offset === undefined && isScalar(pair.key) && pair.key.value === last)
          offset = pair.key.range?.[0];
        // Only the parent's own keys.
        return visit.SKIP;
      },
    });
  }
  const node: unknown = parsed.getIn(path, true);
  return offset ?? (isNode(node) ? node.range?.[0] : undefined);
}

/**
 * Where a document has what a message is about: the key or value that the message quotes, or a number in it; the
 * document's first line where it has none of them.
 */
export function placeAbout(document: GivenDocument, message: string): Place {
  const lines = new LineCounter();
  const parsed = parseDocument(document.text, { lineCounter: lines });
  const plain = message.replaceAll('\\', '').replaceAll('""', '"');
  const quoted = [...plain.matchAll(/["'`]([^"'`\s]+)["'`]/g)].map(([, word = '']) => word);
  const numbers = plain.match(/\b\d+\b/g) ?? [];
  const paths = [...plain.matchAll(/\b[A-Za-z]\w*(?:\.\w+)+\b/g)].flatMap(
    ([path]) => path.split('.').at(-1) ?? [],
  );
  for (const word of [...quoted, ...numbers, ...paths]) {
    let offset: number | undefined;
    visit(parsed, {
      Scalar: (key, { value, range }, ancestors) => {
        const parent = ancestors.at(-1);
        const isKey = key === 'key' && isPair(parent);
        if (String(value) !== word || range == null) return undefined;
        // What stands in metadata names the object; the message says so anyway.
        if (
          !isKey &&
          ancestors.some((each) => isPair(each) && isScalar(each.key) && each.key.value === 'metadata')
        )
          return undefined;
        offset = range[0];
        return visit.BREAK;
      },
    });
    if (offset !== undefined) return at(document, lines, offset);
  }
  return document;
}

function at({ file, line }: Place, lines: LineCounter, offset: number): Place {
  return { file, line: line + lines.linePos(offset).line - 1 };
}
