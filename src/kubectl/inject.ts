import { type AgentOptions, injectionOptions } from '../injection/options.ts';
import { injectManifests } from './inject-manifests.ts';
import type { Refusal } from './objects.ts';
import { readSources } from './sources.ts';

/** `stash inject`, as its options were written. */
export interface InjectCommand extends AgentOptions {
  filename: string[];
  recursive: boolean;
  namespace: string;
}

export interface Terminal {
  readStdin: () => Promise<Buffer>;
  out: (text: string) => void;
  error: (text: string) => void;
}

/** Resolves with the exit status: 0, or 1 where something in the input is refused; nothing is written to the output then. */
export async function injectCommand(
  options: InjectCommand,
  { readStdin, out, error }: Terminal,
): Promise<number> {
  const { filename, recursive, namespace } = options;
  const names = [...new Set(filename)];
  const { sources, unreadable } = await readSources({ names, recursive, readStdin });
  const injected = injectManifests(sources, namespace, injectionOptions(options));
  const refusals = [
    ...unreadable.map(({ name, message }) => ({
      where: name,
      path: '',
      message: `cannot be read: ${message}`,
    })),
    ...injected.refusals,
  ];
  for (const warning of injected.warnings) error(`warning: ${described(warning)}\n`);
  for (const refusal of refusals) error(`${described(refusal)}\n`);
  if (refusals.length > 0) {
    error(`${refusals.length === 1 ? 'One mistake' : `${refusals.length} mistakes`}: nothing was written.\n`);
    return 1;
  }
  out(injected.text);
  return 0;
}

export function described({ where, path, message }: Refusal): string {
  return `${where}: ${path === '' ? '' : `${path}: `}${message}`;
}
