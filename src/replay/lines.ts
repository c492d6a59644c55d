// Text in pieces to lines in groups, with bounded memory: a line that does not end is cut off and marked, not gathered.

export interface LineGroup {
  /** Number of the first of them, from 1. */
  readonly first: number;
  /** Without line ends; undefined for a line longer than LINE_CHARS_MAX. */
  readonly lines: readonly (string | undefined)[];
}

export const LINE_CHARS_MAX = 1024 * 1024;

/** Lines as they come, a group for each piece of text. Ends are LF or CRLF; the last line may have none. */
export async function* linesOf(text: AsyncIterable<string>): AsyncGenerator<LineGroup> {
  let rest = '';
  let tooLong = false;
  let first = 1;
  for await (const piece of text) {
    const lines: (string | undefined)[] = [];
    let start = 0;
    for (let end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', start)) {
      const line = rest + piece.slice(start, end);
      lines.push(tooLong || line.length > LINE_CHARS_MAX ? undefined : withoutCr(line));
      rest = '';
      tooLong = false;
      start = end + 1;
    }
    rest = tooLong ? '' : rest + piece.slice(start);
    if (rest.length > LINE_CHARS_MAX) {
      rest = '';
      tooLong = true;
    }
    if (lines.length > 0) yield { first, lines };
    first += lines.length;
  }
  if (rest !== '' || tooLong) yield { first, lines: [tooLong ? undefined : withoutCr(rest)] };
}

function withoutCr(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
