import type { FunctionSpec } from '../api/function.ts';
import type { EnvVar, FunctionSettings, VolumeMount } from '../api/function-settings.ts';
import { type Problem, quoted } from '../api/problem.ts';
import { parseQuantity } from '../api/quantity.ts';
import { grants } from './security.ts';

/*
 * What the API server refuses of a pod, as far as it can be told from a container: it would be a session that fails at night.
 * Source: k8s.io/kubernetes, pkg/apis/core/validation, of 1.34.
 */

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const KEY = /^[-._a-zA-Z0-9]{1,253}$/;

/** What is wrong with a Function whose variables are filled in. */
export function problemsOfContainer(spec: FunctionSpec): Problem[] {
  return [
    ...problemsOfImage(spec.image),
    ...problemsOfName(spec.name),
    ...problemsOfMounts(spec.volumeMounts ?? []),
    ...problemsOfSettings(spec.runtimeSettings ?? {}, 'spec.runtimeSettings'),
  ];
}

/** What is wrong with settings of a container, which stand at `path`. */
export function problemsOfSettings(settings: FunctionSettings, path: string): Problem[] {
  return [
    ...(settings.env ?? []).flatMap((variable, index, all) =>
      problemsOfVariable(variable, `${path}.env[${index}]`, all.slice(0, index)),
    ),
    ...problemsOfResources(settings.resources ?? {}, `${path}.resources`),
    ...problemsOfSecurity(settings.securityContext ?? {}, `${path}.securityContext`),
  ];
}

function problemsOfImage(image: string): Problem[] {
  const path = 'spec.image';
  if (image === '') return [{ path, message: 'is empty; name an image' }];
  if (!/\s/.test(image)) return [];
  return [{ path, message: `${quoted(image)} has white space in it, as no image has` }];
}

function problemsOfName(name: string | undefined): Problem[] {
  if (name === undefined || LABEL.test(name)) return [];
  return [
    {
      path: 'spec.name',
      message: `${quoted(name)} is the name of no container; write up to 63 lower-case letters, digits and "-", a letter or a digit first and last`,
    },
  ];
}

function problemsOfMounts(mounts: readonly VolumeMount[]): Problem[] {
  return mounts.flatMap((mount, index) => {
    const path = `spec.volumeMounts[${index}]`;
    const twin = mounts.findIndex(({ mountPath }) => mountPath === mount.mountPath);
    return [
      ...problemsOfMountPath(mount.mountPath, `${path}.mountPath`),
      ...(twin < index
        ? [
            {
              path: `${path}.mountPath`,
              message: `${quoted(mount.mountPath)} stands at spec.volumeMounts[${twin}] already; take one of them out`,
            },
          ]
        : []),
      ...problemsOfSubPath(mount.subPath, `${path}.subPath`),
      ...problemsOfSubPath(mount.subPathExpr, `${path}.subPathExpr`),
      ...(mount.subPath !== undefined && mount.subPathExpr !== undefined
        ? [{ path: `${path}.subPathExpr`, message: 'stands beside subPath; take one of them out' }]
        : []),
    ];
  });
}

function problemsOfMountPath(mountPath: string, path: string): Problem[] {
  if (mountPath === '') return [{ path, message: 'is empty; write an absolute path' }];
  if (!mountPath.includes(':')) return [];
  return [{ path, message: `${quoted(mountPath)} has a ":" in it, which no mountPath may have` }];
}

function problemsOfSubPath(subPath: string | undefined, path: string): Problem[] {
  if (subPath === undefined) return [];
  if (!subPath.startsWith('/') && !subPath.split('/').includes('..')) return [];
  return [
    { path, message: `${quoted(subPath)} leads out of the volume; write a relative path without ".."` },
  ];
}

function problemsOfVariable(variable: EnvVar, path: string, before: readonly EnvVar[]): Problem[] {
  const { name, value, valueFrom } = variable;
  const problems: Problem[] = [];
  if (!/^[ -<>-~]+$/.test(name)) {
    const message = `${quoted(name)} is the name of no environment variable; write printable ASCII characters without "="`;
    problems.push({ path: `${path}.name`, message });
  } else if (before.some((other) => other.name === name)) {
    problems.push({
      path: `${path}.name`,
      message: `${quoted(name)} stands there twice; take one of them out`,
    });
  }
  if (valueFrom === undefined) return problems;
  if (value !== undefined && value !== '') {
    problems.push({ path: `${path}.valueFrom`, message: 'stands beside value; take one of them out' });
  }
  const sources = Object.entries(valueFrom).sort();
  if (sources.length !== 1) {
    const named = sources.length === 0 ? 'none' : sources.map(([source]) => source).join(' and ');
    problems.push({ path: `${path}.valueFrom`, message: `needs one source, and has ${named}` });
  }
  for (const [source, reference] of sources) {
    if (source !== 'secretKeyRef' && source !== 'configMapKeyRef') continue;
    const { name: referred = '', key = '' } = reference as { name?: string; key?: string };
    problems.push(...problemsOfReference(referred, key, `${path}.valueFrom.${source}`));
  }
  return problems;
}

function problemsOfReference(name: string, key: string, path: string): Problem[] {
  const problems: Problem[] = [];
  if (name === '') {
    problems.push({ path: `${path}.name`, message: 'is empty; name an object of the namespace' });
  } else if (name.length > 253 || !SUBDOMAIN.test(name)) {
    problems.push({ path: `${path}.name`, message: `${quoted(name)} is the name of no object` });
  }
  if (!KEY.test(key) || key === '.' || key === '..') {
    const message = `${quoted(key)} is no key; write letters, digits, "-", "_" and "." only`;
    problems.push({ path: `${path}.key`, message });
  }
  return problems;
}

function problemsOfResources(resources: NonNullable<FunctionSettings['resources']>, path: string): Problem[] {
  const { requests = {}, limits = {} } = resources;
  const negative = Object.entries({ requests, limits }).flatMap(([field, amounts]) =>
    Object.entries(amounts)
      .filter(([, amount]) => (parseQuantity(amount) ?? 0) < 0)
      .map(([resource, amount]) => ({
        path: `${path}.${field}.${resource}`,
        message: `${quoted(amount)} is negative; write an amount such as 100m or 64Mi`,
      })),
  );
  const excessive = Object.entries(requests)
    .filter(([resource, amount]) => {
      const limit = parseQuantity(limits[resource]);
      return limit !== undefined && (parseQuantity(amount) ?? 0) > limit;
    })
    .map(([resource, amount]) => ({
      path: `${path}.requests.${resource}`,
      message: `${quoted(amount)} is more than the limit, ${quoted(limits[resource])}; raise that, or ask for less`,
    }));
  return [...negative, ...excessive];
}

function problemsOfSecurity(
  context: NonNullable<FunctionSettings['securityContext']>,
  path: string,
): Problem[] {
  const problems: Problem[] = [];
  for (const field of ['runAsUser', 'runAsGroup'] as const) {
    const id = context[field];
    if (id !== undefined && (id < 0 || id > 2_147_483_647)) {
      problems.push({ path: `${path}.${field}`, message: `${id} is no id; write one from 0 to 2147483647` });
    }
  }
  if (context.runAsNonRoot === true && context.runAsUser === 0) {
    problems.push({ path: `${path}.runAsUser`, message: '0 is root, which runAsNonRoot rules out' });
  }
  if (
    context.allowPrivilegeEscalation === false &&
    (context.privileged === true || grants(context, 'SYS_ADMIN'))
  ) {
    const message =
      'is false beside privileged or the capability SYS_ADMIN, which escalate; take one of them out';
    problems.push({ path: `${path}.allowPrivilegeEscalation`, message });
  }
  return problems;
}
