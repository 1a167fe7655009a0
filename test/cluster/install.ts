import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterFailure } from './failure.ts';
import type { Progress } from './progress.ts';
import { attempt, run } from './run.ts';

const namespace = 'stash-system';
const limit = 120_000;

/**
 * Applies manifests/install.yaml as an administrator would, and settles when Stash serves.
 *
 * @param env - with the KUBECONFIG of the cluster and kubectl in the PATH
 */
export async function installStash(
  checkout: string,
  env: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<void> {
  const manifest = join(checkout, 'manifests', 'install.yaml');
  if (!existsSync(manifest))
    throw new ClusterFailure(`${manifest} does not exist, so Stash cannot be installed`);
  await progress.during('Installing Stash', async () => {
    const until = Date.now() + limit;
    await run('kubectl', ['apply', '--server-side', '--force-conflicts', '-f', manifest], { env });
    const left = () => Math.max(1, Math.round((until - Date.now()) / 1000));
    const args = ['-n', namespace, 'rollout', 'status', 'deployment/stash', `--timeout=${left()}s`];
    const rollout = await attempt('kubectl', args, { env });
    if (rollout.status !== 0) {
      throw new ClusterFailure(
        `Stash did not come up within ${limit / 1000} s: ${rollout.tail}\n${await symptoms(env)}`,
      );
    }
    while (!(await registered(env))) {
      if (Date.now() > until) {
        throw new ClusterFailure(
          `Stash runs, but within ${limit / 1000} s it registered no webhook (a MutatingWebhookConfiguration and a ValidatingWebhookConfiguration named stash…)\n${await symptoms(env)}`,
        );
      }
      await sleep(100);
    }
  });
}

async function registered(env: NodeJS.ProcessEnv): Promise<boolean> {
  const kinds = 'mutatingwebhookconfigurations,validatingwebhookconfigurations';
  const { stdout } = await attempt('kubectl', ['get', kinds, '-o', 'name'], { env });
  return ['mutating', 'validating'].every((kind) =>
    stdout.split('\n').some((line) => line.startsWith(kind) && /\/.*stash/.test(line)),
  );
}

/** What one would ask next. */
async function symptoms(env: NodeJS.ProcessEnv): Promise<string> {
  const questions = [
    ['get', 'deployments,pods', '-o', 'wide'],
    [
      'get',
      'events',
      '--sort-by=.lastTimestamp',
      '-o',
      'custom-columns=TYPE:.type,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message',
    ],
    ['logs', 'deployment/stash', '--all-pods', '--prefix', '--tail=40'],
  ];
  const answers: string[] = [];
  for (const question of questions) {
    const { tail } = await attempt('kubectl', ['-n', namespace, ...question], { env, timeout: 20_000 });
    answers.push(`$ kubectl -n ${namespace} ${question.slice(0, 2).join(' ')}\n${tail}`);
  }
  return answers.join('\n\n');
}
