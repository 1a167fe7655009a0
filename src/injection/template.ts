import { INJECTED_ANNOTATION } from '../api/annotations.ts';
import { templateFingerprint } from './defaults.ts';
import { isRaw, type Raw, rawOf, rawsOf, without } from './raw.ts';
import { type InjectionRecord, MADE_FIELDS, type MadeField, writeRecord } from './record.ts';

/* What is put into a pod template and taken out of it. Both make new objects, and share every part that stays as it is. */

/** What goes into a template, where in it, and from what. */
export interface Parts {
  readonly containers: readonly Raw[];
  readonly firstInitContainers: readonly Raw[];
  readonly lastInitContainers: readonly Raw[];
  readonly volumes: readonly Raw[];
  readonly imagePullSecrets: readonly Raw[];
  readonly sources: Pick<
    InjectionRecord,
    | 'backups'
    | 'backupsServed'
    | 'backupsWishes'
    | 'backupsWanted'
    | 'restores'
    | 'restoresServed'
    | 'template'
  >;
}

type ListField = 'containers' | 'initContainers' | 'volumes' | 'imagePullSecrets';

/** `template` with `parts` and the record of them. It must have none yet. */
export function putIn(template: Raw, parts: Parts): Raw {
  const pod = rawOf(template.spec);
  const metadata = rawOf(template.metadata);
  const added = {
    containers: parts.containers,
    initContainers: [...parts.firstInitContainers, ...parts.lastInitContainers],
    volumes: parts.volumes,
    imagePullSecrets: parts.imagePullSecrets,
  };
  const spec: Record<string, unknown> = { ...pod };
  const before = new Map<MadeField, 'absent' | 'null'>();
  for (const [field, entries] of Object.entries(added)) {
    if (entries.length === 0) continue;
    const first = field === 'initContainers' ? parts.firstInitContainers : [];
    const there = Array.isArray(pod[field]) ? pod[field] : [];
    spec[field] = [...first, ...there, ...entries.slice(first.length)];
  }
  const holders: [MadeField, unknown][] = [
    ['metadata', template.metadata],
    ['annotations', metadata.annotations],
    ['initContainers', spec.initContainers === pod.initContainers ? [] : pod.initContainers],
    ['volumes', spec.volumes === pod.volumes ? [] : pod.volumes],
    ['imagePullSecrets', spec.imagePullSecrets === pod.imagePullSecrets ? [] : pod.imagePullSecrets],
  ];
  for (const [field, value] of holders) {
    if (value === undefined || value === null) before.set(field, value === null ? 'null' : 'absent');
  }
  const record = writeRecord({
    containers: namesOf(added.containers),
    initContainers: namesOf(added.initContainers),
    volumes: namesOf(added.volumes),
    imagePullSecrets: namesOf(added.imagePullSecrets),
    // They have entries of the user's, which differ by the API server's defaults between a manifest and what the webhook sees.
    parts: templateFingerprint({
      spec: {
        containers: added.containers,
        initContainers: added.initContainers,
        volumes: added.volumes,
      },
    }),
    ...parts.sources,
    before,
  });
  const annotations = { ...rawOf(metadata.annotations), [INJECTED_ANNOTATION]: record };
  return { ...template, metadata: { ...metadata, annotations }, spec };
}

/**
 * `template` without what `record` names, and without the record.
 *
 * @param isRemovable - whether a pull secret that the record names may go: its name is not reserved, and it may be the user's
 */
export function takeOut(
  template: Raw,
  record: InjectionRecord,
  isRemovable: (pullSecret: string) => boolean,
): Raw {
  let spec = rawOf(template.spec);
  spec = withoutNamed(spec, 'containers', record.containers, record);
  spec = withoutNamed(spec, 'initContainers', record.initContainers, record);
  spec = withoutNamed(spec, 'volumes', record.volumes, record);
  spec = withoutNamed(spec, 'imagePullSecrets', record.imagePullSecrets.filter(isRemovable), record);

  const annotations = without(rawOf(rawOf(template.metadata).annotations), INJECTED_ANNOTATION);
  const metadata = withField(rawOf(template.metadata), 'annotations', annotations, record);
  return withField({ ...template, spec }, 'metadata', metadata, record);
}

/** Whether all that `record` names is in `template`. */
export function isWhole(template: Raw, record: InjectionRecord): boolean {
  const spec = rawOf(template.spec);
  const fields: ListField[] = ['containers', 'initContainers', 'volumes', 'imagePullSecrets'];
  return fields.every((field) => {
    const there = namesOf(rawsOf(spec[field]));
    return record[field].every((name) => there.includes(name));
  });
}

/** Whether anything that `record` names is in `template`. */
export function hasParts(template: Raw, record: InjectionRecord): boolean {
  const spec = rawOf(template.spec);
  const fields: ListField[] = ['containers', 'initContainers', 'volumes'];
  return fields.some((field) => namesOf(rawsOf(spec[field])).some((name) => record[field].includes(name)));
}

function withoutNamed(spec: Raw, field: ListField, names: readonly string[], record: InjectionRecord): Raw {
  const list = spec[field];
  if (names.length === 0 || !Array.isArray(list)) return spec;
  const rest = list.filter((entry) => !(isRaw(entry) && names.some((name) => name === entry.name)));
  return rest.length === list.length ? spec : withField(spec, field, rest, record);
}

/** `owner` with `value`, or as it was before, where nothing is left in a field that had to be made. */
function withField(
  owner: Raw,
  field: MadeField | 'containers',
  value: unknown,
  record: InjectionRecord,
): Raw {
  const isEmpty = Object.keys(value as object).length === 0;
  const made = MADE_FIELDS.find((each) => each === field);
  const was = isEmpty && made !== undefined ? record.before.get(made) : undefined;
  if (was === undefined) return { ...owner, [field]: value };
  return was === 'null' ? { ...owner, [field]: null } : without(owner, field);
}

function namesOf(entries: readonly Raw[]): string[] {
  return entries.flatMap(({ name }) => (typeof name === 'string' ? name : []));
}
