export const keyMarker = '[removed: private key]';

/** A line's end: as itself, as an escape of JSON, which may itself be in JSON, or escaped where YAML folds a line. */
const lineEnd = String.raw`(?:\\+r|\r)*(?:\\*\n|\\+n)`;
/** Between the words of a label: YAML may break the line there, with any indentation. */
const space = String.raw`(?:\s|%20|\+|\\+n?)`;
const label = String.raw`${space}{1,100}(?:[A-Z0-9]{1,20}${space}{1,100}){0,4}PRIVATE${space}{1,100}KEY(?:${space}BLOCK)?`;

const begin = new RegExp(`--${space}{0,3}BEGIN${label}${space}{0,3}-{2,5}`, 'g');
const end = new RegExp(`END${label}${space}{0,3}-{2,5}`, 'g');
/** Longer than any key, its lines' prefixes in a log included. */
const longestKey = 64 * 1024;

/** PEM private keys in any dress: as lines, indented, escaped, base64 of it, base64 of that; also half of one. */
export function redactKeys(text: string): string {
  return redactEncoded(redactTails(redactPem(text)));
}

/** From BEGIN to END; where a log's cut left no END, as far as it still looks like a key. */
function redactPem(text: string): string {
  let result = '';
  let position = 0;
  for (const match of text.matchAll(begin)) {
    if (match.index < position) continue;
    const after = match.index + match[0].length;
    result += text.slice(position, match.index) + keyMarker;
    position = endOfKey(text, after);
  }
  return result + text.slice(position);
}

const keyBody = new RegExp(
  String.raw`(?:${lineEnd}|\s|Proc-Type: ?[\w,]+|DEK-Info: ?[\w,-]+|[A-Za-z0-9+/=]{16,})*(?:[A-Za-z0-9+/]*={1,2})?`,
  'y',
);

function endOfKey(text: string, start: number): number {
  const window = text.slice(start, start + longestKey);
  end.lastIndex = 0;
  const found = end.exec(window);
  if (found !== null) return start + found.index + found[0].length;
  keyBody.lastIndex = 0;
  return start + (keyBody.exec(window)?.[0].length ?? 0);
}

/** An END without its BEGIN, and the lines of base64 before it. */
function redactTails(text: string): string {
  let result = '';
  let position = 0;
  for (const match of text.matchAll(end)) {
    const before = text.slice(Math.max(position, match.index - longestKey), match.index);
    const kept = before.length - keyLinesAtEnd(before);
    result += text.slice(position, match.index - before.length) + before.slice(0, kept) + keyMarker;
    position = match.index + match[0].length;
  }
  return result + text.slice(position);
}

const pieceEnd = new RegExp(`(${lineEnd})`);

/** How many characters at the text's end are lines of a key. */
function keyLinesAtEnd(text: string): number {
  const pieces = text.replace(/[-\s]*$/, '').split(pieceEnd);
  let start = pieces.length;
  for (const piece of [...pieces].reverse()) {
    // A key's last line may be short; nothing but base64 is in any of them.
    if (!/^\s*[A-Za-z0-9+/=]*\s*$/.test(piece) && !pieceEnd.test(piece)) break;
    start -= 1;
  }
  return text.length - pieces.slice(0, start).join('').length;
}

// YAML folds a quoted text anywhere, with a backslash.
const run = String.raw`(?:[A-Za-z0-9+/_-]|\\\n[ \t]*){20,}={0,2}`;
const next = String.raw`(?:${lineEnd}[ \t]*)+`;
/** Base64 in one line or wrapped, with a short last line. */
const block = new RegExp(
  `${run}(?:${next}${run})*(?:${next}[A-Za-z0-9+/_-]{1,19}={0,2}(?![^\\s"'\\\\]))?`,
  'g',
);

function redactEncoded(text: string): string {
  return text.replace(block, (candidate) => (encodesSecret(candidate, layers) ? keyMarker : candidate));
}

/** A Secret with a kubeconfig in it holds a key that is base64 in base64; more layers do not occur. */
const layers = 3;
const breaks = new RegExp(next, 'g');

/** Whether base64 decodes to text with a private key or a JWT, or to base64 that does. */
function encodesSecret(candidate: string, depth: number): boolean {
  return candidate
    .replace(breaks, '')
    .split(/=+/)
    .filter((piece) => piece.length >= 32)
    .some((piece) =>
      // What stands before the base64 may look like some of it, e.g. a path: it begins at one of four places.
      [0, 1, 2, 3].some((skip) => {
        const decoded = Buffer.from(piece.slice(skip), 'base64').toString('latin1');
        if (!/[\t\r\n\x20-\x7e]{16}/.test(decoded)) return false;
        if (/PRIVATE\s+KEY|eyJhbGciOi/.test(decoded)) return true;
        return depth > 1 && (decoded.match(block) ?? []).some((inner) => encodesSecret(inner, depth - 1));
      }),
    );
}
