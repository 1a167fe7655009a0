import { createReadStream } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Leaves `lines` for the last step of the Task, in a file of the step `name`. */
export function writeStepFile(directory: string, name: string, lines: readonly string[]): Promise<void> {
  return writeFile(join(directory, `${name}.json`), lines.map((line) => `${line}\n`).join(''));
}

/** What `parse` finds in the lines of the `*.json` files directly in `directory`, file by file in the order of their names. */
export async function readStepFiles<Found>(
  directory: string,
  parse: (line: string) => Found | undefined,
): Promise<Found[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.json'));
  const found: Found[] = [];
  for (const { name } of names.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    // Line by line: what restic says of its progress may be much.
    const lines = createInterface({ input: createReadStream(join(directory, name)), crlfDelay: Infinity });
    for await (const line of lines) {
      const one = parse(line);
      if (one !== undefined) found.push(one);
    }
  }
  return found;
}
