/** Width nothing made for a terminal or a log exceeds, raw log lines apart. */
export const maxWidth = 110;
const labelWidth = 10;

/** `  seen      text`, wrapped at words with the following lines indented as the text. */
export function labelled(label: string, text: string): string {
  const lines = text
    .split('\n')
    .flatMap((line) => wrap(line, maxWidth - labelWidth - 2))
    .map((line, index) => `  ${(index === 0 ? label : '').padEnd(labelWidth)}${line}`);
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** Lines of at most `width` characters, broken at blanks; a longer word stays whole, to be copied and searched for. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Pieces of at most `width` characters, broken at blanks, else wherever that is: for a table's cell. */
export function chunk(text: string, width: number): string[] {
  return wrap(text, width).flatMap((line) => cut(line, width));
}

function cut(text: string, width: number): string[] {
  const characters = [...text];
  const pieces: string[] = [];
  for (let start = 0; start < characters.length; start += width) {
    pieces.push(characters.slice(start, start + width).join(''));
  }
  return pieces.length === 0 ? [''] : pieces;
}
