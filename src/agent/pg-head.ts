import { Transform } from 'node:stream';
import { type Quote, quoteAfter } from './pg-quote.ts';

const NEWLINE = 0x0a;

/** What the head of a dump consists of. Whatever else comes is data, or may be: there the head ends. */
const OF_HEAD =
  /^(--|\\restrict |\\unrestrict |SET |SELECT pg_catalog\.set_config\(|(CREATE|ALTER) (ROLE|DATABASE|TABLESPACE) |(GRANT|REVOKE|COMMENT ON|SECURITY LABEL) )/;

/**
 * Passes a dump through without the lines that `isLeftOut` tells, in its head alone: what comes before the first database is connected to, and is
 * roles, tablespaces and CREATE DATABASE. What follows is passed through as it is, since a line of a table may look like anything.
 *
 * @param isLeftOut - is given whole lines that are statements, and no part of a text within one
 */
export function withoutInHead(isLeftOut: (line: string) => boolean): Transform {
  let isHead = true;
  let pending: Buffer = Buffer.alloc(0);
  let quote: Quote = '';
  /** What of the line is passed on. */
  const pass = (line: Buffer): Buffer => {
    if (!isHead) return line;
    const text = line.toString('utf8').trimEnd();
    const isStatement = quote === '';
    if (isStatement && text !== '' && !OF_HEAD.test(text)) {
      isHead = false;
      return line;
    }
    if (isStatement && isLeftOut(text)) return Buffer.alloc(0);
    quote = quoteAfter(text, quote);
    return line;
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (!isHead) return done(null, chunk);
      let rest = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const passed: Buffer[] = [];
      for (let end = rest.indexOf(NEWLINE); isHead && end !== -1; end = rest.indexOf(NEWLINE)) {
        passed.push(pass(rest.subarray(0, end + 1)));
        rest = rest.subarray(end + 1);
      }
      pending = isHead ? rest : Buffer.alloc(0);
      if (!isHead) passed.push(rest);
      done(null, Buffer.concat(passed));
    },
    flush(done) {
      done(null, pending.length === 0 ? undefined : pass(pending));
    },
  });
}
