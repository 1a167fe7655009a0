/** The volumes of a Task's pod that a Function can mount. */
export type VolumeRole = 'temporary' | 'claim' | 'secret';

/** What stands for a variable. */
export interface Value {
  text: string;
  /** The volume that it is the name of, for a volumeMount: a claim and a Secret may well have one name. */
  volume?: VolumeRole;
  /** Stands in for what only a session knows, where a Task is checked without one: nothing follows from what it looks like. */
  isOpen?: true;
}

/** By name in kebab case. */
export type Values = ReadonlyMap<string, Value>;
