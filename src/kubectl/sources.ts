import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Source } from './documents.ts';

export interface Files {
  /** Paths of files and folders; `-` is the standard input. */
  names: readonly string[];
  /** Folders in folders too. */
  recursive: boolean;
  readStdin: () => Promise<Buffer>;
}

export interface UnreadableSource {
  name: string;
  message: string;
}

const MANIFEST = /\.(ya?ml|json)$/;

/** The texts of what is named, in order; of a folder, the manifests in the order of their names, as kubectl takes them. */
export async function readSources({
  names,
  recursive,
  readStdin,
}: Files): Promise<{ sources: Source[]; unreadable: UnreadableSource[] }> {
  const sources: Source[] = [];
  const unreadable: UnreadableSource[] = [];
  const read = async (name: string, bytes: () => Promise<Buffer>): Promise<void> => {
    try {
      // What is not UTF-8 could not be passed through as it is.
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await bytes());
      sources.push({ name, text });
    } catch (error) {
      unreadable.push({ name, message: reasonOf(error) });
    }
  };
  for (const name of names) {
    if (name === '-') {
      await read('standard input', readStdin);
      continue;
    }
    try {
      for (const file of await manifestsOf(name, recursive)) await read(file, () => readFile(file));
    } catch (error) {
      unreadable.push({ name, message: reasonOf(error) });
    }
  }
  return { sources, unreadable };
}

async function manifestsOf(name: string, recursive: boolean): Promise<string[]> {
  if (!(await stat(name)).isDirectory()) return [name];
  const entries = await readdir(name, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(name, entry.name);
    if (entry.isDirectory() && recursive) found.push(...(await manifestsOf(path, recursive)));
    if (!entry.isDirectory() && MANIFEST.test(entry.name)) found.push(path);
  }
  return found;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file or folder';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is not UTF-8; write it in this encoding';
  return message;
}
