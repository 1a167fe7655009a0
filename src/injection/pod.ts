import { normalPath } from './paths.ts';
import { isRaw, type Raw, rawOf, rawsOf, textOf } from './raw.ts';

/** What injection reads of a pod's spec. */
export interface Pod {
  readonly raw: Raw;
  readonly containers: readonly Container[];
  /** Native sidecars among them. */
  readonly initContainers: readonly Container[];
  readonly volumes: ReadonlyMap<string, Raw>;
}

export interface Container {
  readonly name: string;
  readonly raw: Raw;
  /** One for each path: of several at the same path, the last is the one that is seen. */
  readonly mounts: readonly Mount[];
  /** The paths of raw block devices. */
  readonly devices: readonly string[];
}

export interface Mount {
  /** Normal. */
  readonly path: string;
  readonly volume: string;
  readonly subPath?: string;
  readonly subPathExpr?: string;
  readonly readOnly: boolean;
}

/** The kinds whose pod template is injected into. */
const WORKLOADS: ReadonlyMap<unknown, unknown> = new Map([
  ['Deployment', 'apps/v1'],
  ['StatefulSet', 'apps/v1'],
  ['DaemonSet', 'apps/v1'],
]);

/** The kind of a volume that is made from a claim template: Kubernetes has no field of this name in a volume. */
export const CLAIM_TEMPLATE = 'volumeClaimTemplate';

function claimTemplatesOf({ kind, spec }: Raw): Raw[] {
  return kind === 'StatefulSet' ? rawsOf(rawOf(spec).volumeClaimTemplates) : [];
}

/** Objects out of a list have no kind of their own; whoever listed them knows it. */
export function isSupported({ apiVersion, kind }: Raw): boolean {
  return kind === undefined ? apiVersion === undefined : WORKLOADS.get(kind) === apiVersion;
}

/** `spec.template`. */
export function podTemplateOf(workload: unknown): Raw | undefined {
  const template = rawOf(rawOf(workload).spec).template;
  return isRaw(template) ? template : undefined;
}

export function withPodTemplate(workload: Raw, template: Raw): Raw {
  return { ...workload, spec: { ...rawOf(workload.spec), template } };
}

/** The path of what is not as a pod template has it, where parts would have to be put in. */
export function malformedField(template: Raw | undefined): string | undefined {
  if (template === undefined) return 'spec.template';
  if (!isRaw(template.spec)) return 'spec.template.spec';
  if (rawsOf(template.spec.containers).length === 0) return 'spec.template.spec.containers';
  for (const field of ['initContainers', 'volumes', 'imagePullSecrets']) {
    const list = template.spec[field] ?? [];
    if (!Array.isArray(list)) return `spec.template.spec.${field}`;
  }
  if (!isRaw(template.metadata ?? {})) return 'spec.template.metadata';
  if (!isRaw(rawOf(template.metadata).annotations ?? {})) return 'spec.template.metadata.annotations';
  return undefined;
}

/**
 * The pods that `workload` makes of `template`. The claim templates of a StatefulSet are volumes of its pods, and come before
 * volumes of the same name (Kubernetes API reference, `StatefulSetSpec.volumeClaimTemplates`).
 */
export function podOf(template: Raw, workload: Raw): Pod {
  const raw = rawOf(template.spec);
  const volumes = new Map<string, Raw>();
  for (const volume of rawsOf(raw.volumes)) {
    if (typeof volume.name === 'string') volumes.set(volume.name, volume);
  }
  for (const claim of claimTemplatesOf(workload)) {
    const { name } = rawOf(claim.metadata);
    if (typeof name === 'string') volumes.set(name, { name, [CLAIM_TEMPLATE]: claim });
  }
  return {
    raw,
    containers: rawsOf(raw.containers).map(containerOf),
    initContainers: rawsOf(raw.initContainers).map(containerOf),
    volumes,
  };
}

function containerOf(raw: Raw): Container {
  const mounts = new Map<string, Mount>();
  for (const mount of rawsOf(raw.volumeMounts).map(mountOf)) {
    if (mount !== undefined) mounts.set(mount.path, mount);
  }
  const devices = rawsOf(raw.volumeDevices).flatMap(({ devicePath }) => textOf(devicePath) ?? []);
  return {
    name: textOf(raw.name) ?? '',
    raw,
    mounts: [...mounts.values()],
    devices: devices.map(normalPath),
  };
}

function mountOf(raw: Raw): Mount | undefined {
  const mountPath = textOf(raw.mountPath);
  const volume = textOf(raw.name);
  if (mountPath === undefined || volume === undefined) return undefined;
  const subPath = textOf(raw.subPath);
  const subPathExpr = textOf(raw.subPathExpr);
  return {
    path: normalPath(mountPath),
    volume,
    readOnly: raw.readOnly === true,
    ...(subPath !== undefined && { subPath }),
    ...(subPathExpr !== undefined && { subPathExpr }),
  };
}
