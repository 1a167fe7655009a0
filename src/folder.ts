import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the folder `name` is that comes with the program: beside it in the image, and above it in a checkout. */
export function folder(name: string): string {
  const beside = fileURLToPath(new URL(`./${name}`, import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../${name}`, import.meta.url));
}
