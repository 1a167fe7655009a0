import { CHECK_COMPONENT, MANAGED_BY, MANAGED_BY_LABEL, REPOSITORY_LABEL } from '../api/annotations.ts';
import { parseDuration } from '../api/duration.ts';
import { boundedName, labelValue } from '../api/names.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { Repository } from '../api/repository.ts';
import { apiVersionOf, REPOSITORIES } from '../api/resources.ts';
import { type CheckIdentity, checkPod } from '../injection/check-pod.ts';
import type { InjectionOptions } from '../injection/wanted.ts';
import { repositoryWanted } from '../injection/wanted-by.ts';
import { jobs } from '../kube/resource.ts';

/** A Job, as far as it matters here (Kubernetes API reference, `batch/v1`). */
export type Job = KubernetesObject<
  Record<string, unknown>,
  { conditions?: { type: string; status: string; reason?: string; message?: string }[] }
>;

/** The Job and its log can be looked at for a day. */
const TTL_SECONDS = 86_400;

export function checkAccountOf(repository: Repository): string {
  return repository.spec.integrityCheck?.serviceAccountName ?? 'default';
}

/** The name tells the instant, so that to make it twice is harmless. A label of its pods has 63 characters at most. */
export function checkJobName(repository: string, dueAt: number): string {
  const instant = String(Math.floor(dueAt / 1000));
  return `${boundedName(`${repository}-check`, 63 - instant.length - 1)}-${instant}`;
}

/** The Job that checks `repository` for the instant `dueAt`. It goes with its Repository. */
export function checkJob(
  repository: Repository,
  dueAt: number,
  identity: CheckIdentity,
  options: InjectionOptions,
): Job {
  const { name, namespace, uid } = repository.metadata;
  const labels = {
    'app.kubernetes.io/name': 'stash',
    'app.kubernetes.io/component': CHECK_COMPONENT,
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [REPOSITORY_LABEL]: labelValue(name),
  };
  return {
    apiVersion: 'batch/v1',
    kind: jobs.kind,
    metadata: {
      name: checkJobName(name, dueAt),
      ...(namespace !== undefined && { namespace }),
      labels,
      ownerReferences: [
        {
          apiVersion: apiVersionOf(REPOSITORIES),
          kind: REPOSITORIES.kind,
          name,
          uid: uid ?? '',
          controller: true,
        },
      ],
    },
    spec: {
      // What was found once is found again, and another pod is not the one that may report.
      backoffLimit: 0,
      activeDeadlineSeconds: Math.ceil(parseDuration(repository.spec.integrityCheck?.timeout ?? '1h') / 1000),
      ttlSecondsAfterFinished: TTL_SECONDS,
      template: {
        metadata: { labels },
        spec: checkPod(repositoryWanted(repository), identity, checkAccountOf(repository), options),
      },
    },
  };
}
