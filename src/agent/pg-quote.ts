/** In which quotes a place of a dump is: those of a text, of a name, the `$tag$` of the body of a function; in none where it is empty. */
export type Quote = string;

/** What begins a quote, and the comment that goes to the end of its line. pg_dump quotes each name that has a `$` in it. */
const OPENING = /'|"|--|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/g;

/** The quotes that `line` ends in, begun in `quote`. A quote within is doubled: that ends it and begins it again. */
export function quoteAfter(line: string, quote: Quote): Quote {
  let current = quote;
  for (let at = 0; ; ) {
    if (current !== '') {
      const end = line.indexOf(current, at);
      if (end === -1) return current;
      at = end + current.length;
    }
    OPENING.lastIndex = at;
    const found = OPENING.exec(line);
    if (found === null || found[0] === '--') return '';
    current = found[0];
    at = OPENING.lastIndex;
  }
}
