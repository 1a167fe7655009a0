import { type AgentOptions, injectionOptions } from '../injection/options.ts';
import { described, type Terminal } from './inject.ts';
import { type CatalogObject, renderJobs } from './render-jobs.ts';
import { readSources } from './sources.ts';

/** `stash render`, as its options were written. */
export interface RenderCommand extends AgentOptions {
  filename: string[];
  recursive: boolean;
  namespace: string;
}

/**
 * Resolves with the exit status: 0, or 1 where something keeps a Job from being made; nothing is written to the output then.
 *
 * @param catalog - the Functions and Tasks that come with the operator
 */
export async function renderCommand(
  options: RenderCommand,
  catalog: readonly CatalogObject[],
  { readStdin, out, error }: Terminal,
): Promise<number> {
  const { filename, recursive, namespace } = options;
  const names = [...new Set(filename)];
  const { sources, unreadable } = await readSources({ names, recursive, readStdin });
  const { image, imagePullSecrets, resources } = injectionOptions(options);
  const rendered = renderJobs(sources, namespace, catalog, { image, imagePullSecrets, resources });
  const refusals = [
    ...unreadable.map(({ name, message }) => ({
      where: name,
      path: '',
      message: `cannot be read: ${message}`,
    })),
    ...rendered.refusals,
  ];
  for (const warning of rendered.warnings) error(`warning: ${described(warning)}\n`);
  for (const refusal of refusals) error(`${described(refusal)}\n`);
  if (refusals.length > 0) {
    error(`${refusals.length === 1 ? 'One mistake' : `${refusals.length} mistakes`}: nothing was written.\n`);
    return 1;
  }
  if (rendered.text === '') {
    error('warning: no BackupConfiguration or RestoreSession in the input has a task, so there is no Job\n');
  }
  out(rendered.text);
  return 0;
}
