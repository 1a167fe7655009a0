import { createClient } from '../kube/client.ts';
import { systemClock } from '../kube/clock.ts';
import type { Connection } from '../kube/connection.ts';
import { ApiError, ConnectionError } from '../kube/errors.ts';
import { createConnection } from '../kube/https-connection.ts';
import { kubeconfigEndpoint } from '../kube/kubeconfig.ts';
import { purgeable, UninstallError, type UninstallOptions, uninstall } from './uninstall.ts';

export interface UninstallCommand extends UninstallOptions {
  context?: string;
  yes: boolean;
}

export interface Dialogue {
  out: (text: string) => void;
  error: (text: string) => void;
  /** What the user answers; undefined where nobody is there. */
  ask: (question: string) => Promise<string | undefined>;
}

/** `stash uninstall`. Resolves with the exit status: 1 where something stands in the way, 2 where it was not agreed to. */
export async function uninstallCommand(command: UninstallCommand, dialogue: Dialogue): Promise<number> {
  const { context, yes, namespace, dryRun, purge } = command;
  const { out, error, ask } = dialogue;
  const connection = connect(context, error);
  if (connection === undefined) return 1;
  const client = createClient(connection);
  try {
    if (purge && !yes && !dryRun) {
      const counts = (await purgeable(client)).map(({ kind, count }) => `${count} of the kind ${kind}`);
      const answer = await ask(
        `--purge deletes the kinds of Stash, and with them all their objects in all namespaces: ${counts.join(', ')}. The snapshots in the repositories stay. Type "purge" to go on: `,
      );
      if (answer !== 'purge') {
        error(
          answer === undefined
            ? 'nothing was done: --purge asks before it deletes, and there is no terminal; say --yes\n'
            : 'nothing was done\n',
        );
        return 2;
      }
    }
    await uninstall({
      client,
      clock: systemClock,
      namespace,
      dryRun,
      purge,
      say: (text) => out(dryRun ? `would ${text}\n` : `${text}\n`),
    });
    out(dryRun ? 'nothing was changed\n' : 'Stash is uninstalled\n');
    return 0;
  } catch (thrown) {
    if (
      !(thrown instanceof UninstallError || thrown instanceof ApiError || thrown instanceof ConnectionError)
    ) {
      throw thrown;
    }
    error(`${thrown.message}\nWhat was done stands; run it again to go on from there.\n`);
    return 1;
  } finally {
    connection.close();
  }
}

function connect(context: string | undefined, error: (text: string) => void): Connection | undefined {
  try {
    return createConnection(kubeconfigEndpoint(context === undefined ? {} : { context }));
  } catch (thrown) {
    error(`the kubeconfig is of no use: ${(thrown as Error).message}\n`);
    return undefined;
  }
}
