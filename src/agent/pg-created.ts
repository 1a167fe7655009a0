import { createdDatabase } from './pg-dump.ts';
import { type Quote, quoteAfter } from './pg-quote.ts';

/**
 * Reads a dump line by line, and tells each database that it creates. What only looks like such a statement is none: a row of a table, a
 * line of a text or of the body of a function.
 */
export function createdDatabases(onDatabase: (name: string) => void): (line: string) => void {
  let quote: Quote = '';
  let isRow = false;
  return (line) => {
    if (isRow) {
      isRow = line !== '\\.';
      return;
    }
    const name = quote === '' ? createdDatabase(line) : undefined;
    if (name !== undefined) onDatabase(name);
    quote = quoteAfter(line, quote);
    isRow = quote === '' && line.endsWith(' FROM stdin;');
  };
}
