import { StringDecoder } from 'node:string_decoder';

/** A list of snapshots is one line. What is longer than this would take the memory that the container has for restic. */
const longestLine = 8 * 1024 * 1024;

/**
 * Cuts a byte stream into its lines. A line that is too long is passed over whole, and {@link isWhole} tells so; a last one without its
 * end counts.
 */
export class LineBuffer {
  readonly #onLine: (line: string) => void;
  readonly #longest: number;
  readonly #decoder = new StringDecoder('utf8');
  #parts: string[] = [];
  #length = 0;
  #isWhole = true;

  constructor(onLine: (line: string) => void, longest: number = longestLine) {
    this.#onLine = onLine;
    this.#longest = longest;
  }

  /** No line so far was too long. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  add(chunk: Buffer): void {
    const pieces = this.#decoder.write(chunk).split('\n');
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) this.#flush();
      this.#length += piece.length;
      if (this.#length <= this.#longest) this.#parts.push(piece);
      else this.#passOver();
    }
  }

  end(): void {
    this.#flush();
  }

  #passOver(): void {
    this.#parts = [];
    this.#isWhole = false;
  }

  #flush(): void {
    const line = this.#length > this.#longest ? '' : this.#parts.join('');
    this.#parts = [];
    this.#length = 0;
    if (line.trim() !== '') this.#onLine(line);
  }
}
