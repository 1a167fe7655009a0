import type { FunctionSpec } from '../api/function.ts';
import type { EnvVar, VolumeMount } from '../api/function-settings.ts';
import { boundedName } from '../api/names.ts';
import { CLAIM_VOLUME, PREPARE, REPOSITORY_VOLUME } from './layout.ts';
import type { TaskRun } from './run.ts';
import { containerSecurityContext, podSecurityContext } from './security.ts';
import { mergedSettings } from './settings.ts';

/** A pod template for a Job. Source: Kubernetes API reference, `core/v1 PodTemplateSpec`. */
export interface PodTemplate {
  spec: PodSpec;
}

export interface PodSpec {
  restartPolicy: 'Never';
  initContainers?: Container[];
  containers: [Container];
  volumes: { name: string; [source: string]: unknown }[];
  securityContext: Record<string, unknown>;
  [field: string]: unknown;
}

export interface Container {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  env: EnvVar[];
  volumeMounts: VolumeMount[];
  securityContext: Record<string, unknown>;
  [field: string]: unknown;
}

/** A Function whose variables are filled in, and what its container mounts. */
export interface ReadyStep {
  name: string;
  spec: FunctionSpec;
  volumeMounts: VolumeMount[];
}

/** The pod of `steps`: all but the last are init containers, so that each begins when the one before has succeeded. */
export function podOf(
  run: TaskRun,
  steps: ReadyStep[],
  environment: EnvVar[],
  volumes: ReadonlyMap<string, Record<string, unknown>>,
): PodTemplate {
  const containers = withOwnNames(steps).map((step) => containerOf(run, step, environment));
  const last = containers.pop();
  if (last === undefined) throw new TypeError('a Task has no Functions, which its schema refuses');
  const used = new Set(
    [...containers, last].flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name)),
  );
  return {
    spec: {
      restartPolicy: 'Never',
      ...run.runtimeSettings?.pod,
      ...(containers.length > 0 && { initContainers: containers }),
      containers: [last],
      volumes: [...volumes].filter(([name]) => used.has(name)).map(([name, source]) => ({ name, ...source })),
      securityContext: podSecurityContext(run.claimUser),
    },
  };
}

function containerOf(
  run: TaskRun,
  { name, spec, volumeMounts }: ReadyStep,
  environment: EnvVar[],
): Container {
  const over = run.runtimeSettings?.container;
  const { env = [], resources, securityContext } = mergedSettings(spec.runtimeSettings, over);
  const { image, imagePullPolicy, command, args, workingDir } = spec;
  return {
    name,
    image,
    ...(imagePullPolicy !== undefined && { imagePullPolicy }),
    ...(command !== undefined && { command }),
    ...(args !== undefined && { args }),
    ...(workingDir !== undefined && workingDir !== '' && { workingDir }),
    env: [...environment, ...env],
    ...(resources !== undefined && { resources }),
    volumeMounts,
    securityContext: containerSecurityContext(securityContext, capabilitiesOf(run, volumeMounts)),
  };
}

/** A container needs them that has files of other users: those of the claim, or of a repository on a volume. */
export function capabilitiesOf({ claimUser }: TaskRun, mounts: readonly VolumeMount[]): readonly string[] {
  const hasFiles = mounts.some(({ name }) => name === CLAIM_VOLUME || name === REPOSITORY_VOLUME);
  return hasFiles ? (claimUser?.capabilities ?? []) : [];
}

/** Containers of a pod are told apart by name, and a Task may well have two steps of one tool. */
function withOwnNames(steps: ReadyStep[]): ReadyStep[] {
  const taken = new Set([PREPARE]);
  return steps.map((step) => {
    let name = step.name;
    for (let number = 2; taken.has(name); number++) name = `${boundedName(step.name, 58)}-${number}`;
    taken.add(name);
    return { ...step, name };
  });
}

/** The name of the container of the Function `name`, whose own is a subdomain and may be long. */
export function containerName(name: string): string {
  return boundedName(name.replaceAll('.', '-'), 63);
}
