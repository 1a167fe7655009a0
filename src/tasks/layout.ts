/* Where things are in the pod of a Task. Its steps may rely on what stands here. */

/** An emptyDir that all steps share, for what is temporary and for what they leave each other. */
export const TEMPORARY_VOLUME = 'stash-tmp';
export const CLAIM_VOLUME = 'stash-target';
export const SECRET_VOLUME = 'stash-storage';
/** The volume of a `local` repository. */
export const REPOSITORY_VOLUME = 'stash-repository';

/** Where every step finds the temporary volume, wherever else it mounts it; each leaves its output.json there. */
export const OUTPUT_DIR = '/tmp/restic';

/** The container that comes before all steps: it waits to be appointed, and makes sure of the repository. */
export const PREPARE = 'stash-prepare';

/** `SECRETS_DIR/<repository>/<key>` is a key of the storage Secret, as in the agents that are injected. */
export const SECRETS_DIR = '/stash/secrets';

/** Of a pod that says nothing else: nobody's user, so that it runs under the restricted Pod Security Standard whatever its image says. */
export const NOBODY = 65_534;
