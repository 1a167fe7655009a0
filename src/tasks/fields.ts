import type { FunctionSpec } from '../api/function.ts';
import { fill } from './fill.ts';
import type { Value } from './values.ts';

export interface FieldOptions {
  find(name: string): Value | undefined;
  /** Environment variables that every container of ours has. */
  environment: readonly string[];
  report(path: string, message: string, variable?: string): void;
  /** What to do about a variable that is found nowhere, as a clause. */
  advice: string;
}

/** A Function with its variables filled in. */
export interface FilledFunction {
  spec: FunctionSpec;
  /** The value of the name of each volumeMount. */
  mounts: Value[];
  /** Fields of which nothing can be said before there is a session, such as `spec.args[2]`. */
  open: ReadonlySet<string>;
}

/** The fields of a Function that become the container, each text of them a template. */
const TEMPLATES = [
  'image',
  'name',
  'command',
  'args',
  'workingDir',
  'volumeMounts',
  'runtimeSettings',
] as const;

/** Those in which Kubernetes expands `$(NAME)`. Source: Kubernetes API reference, `core/v1 Container`, `EnvVar` and `VolumeMount`. */
const EXPANDED =
  /^spec\.(command\[\d+\]|args\[\d+\]|runtimeSettings\.env\[\d+\]\.value|volumeMounts\[\d+\]\.subPathExpr)$/;

const ENV_VALUE = /^spec\.runtimeSettings\.env\[(\d+)\]\.value$/;
const MOUNT_NAME = /^spec\.volumeMounts\[(\d+)\]\.name$/;

/** `spec` with every text of its container filled in. The names of environment variables are taken as they are written. */
export function fillFields(spec: FunctionSpec, options: FieldOptions): FilledFunction {
  const names = (spec.runtimeSettings?.env ?? []).map(({ name }) => name);
  const mounts: Value[] = [];
  const open = new Set<string>();

  const fillText = (text: string, path: string): string => {
    const [, place] = ENV_VALUE.exec(path) ?? [];
    // Kubernetes expands only what stands before.
    const own = place === undefined ? names : names.slice(0, Number(place));
    const value = fill(text, {
      find: options.find,
      isExpanded: EXPANDED.test(path),
      environment: new Set([...options.environment, ...own]),
      report: (message, variable) => options.report(path, message, variable),
      advice: (name) => adviceFor(name, path, [...options.environment, ...names], options.advice),
    });
    if (value.isOpen === true) open.add(path);
    const [, mount] = MOUNT_NAME.exec(path) ?? [];
    if (mount !== undefined) mounts[Number(mount)] = value;
    return value.text;
  };

  const walk = (value: unknown, path: string): unknown => {
    if (typeof value === 'string') return fillText(value, path);
    if (Array.isArray(value)) return value.map((entry, index) => walk(entry, `${path}[${index}]`));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([field, entry]) => [field, walk(entry, `${path}.${field}`)]),
    );
  };

  const filled = Object.fromEntries(
    TEMPLATES.filter((field) => spec[field] !== undefined).map((field) => [
      field,
      walk(spec[field], `spec.${field}`),
    ]),
  );
  return { spec: { ...spec, ...filled } as FunctionSpec, mounts, open };
}

function adviceFor(name: string, path: string, environment: readonly string[], advice: string): string {
  if (!environment.includes(name)) return advice;
  return ENV_VALUE.test(path)
    ? `the environment variable of that name does not stand before this one, and Kubernetes expands no other`
    : `Kubernetes expands environment variables in command, args, subPathExpr and the values of env alone`;
}
