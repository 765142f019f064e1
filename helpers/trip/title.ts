const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  ndash: '–',
  mdash: '—',
  hellip: '…',
};

/**
 * The text of a page's title as the document takes it, `grep -o "<title>.*</title>"`: the first one on one line, in
 * lower case, without attributes. Undefined when the page has none. The common entities are decoded.
 */
export function titleOf(page: string): string | undefined {
  // Like grep, `.` stops at the end of the line; unlike grep, the first closing tag ends the title.
  const text = /<title>(.*?)<\/title>/.exec(page)?.[1];
  return text === undefined ? undefined : decodeEntities(text);
}

function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]+));/g,
    (whole: string, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return named[name] ?? whole;
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
