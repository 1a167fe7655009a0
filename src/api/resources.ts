import { GROUP } from './annotations.ts';

/** How the API server is asked for objects of a kind. */
export interface Resource {
  /** Empty for the core group. */
  group: string;
  version: string;
  kind: string;
  plural: string;
  namespaced: boolean;
}

/* Our kinds, without their schemas: all that an agent needs of them. */

export const REPOSITORIES = {
  group: GROUP,
  version: 'v1alpha2',
  kind: 'Repository',
  plural: 'repositories',
  namespaced: true,
} satisfies Resource;

export const BACKUP_CONFIGURATIONS = {
  group: GROUP,
  version: 'v1beta1',
  kind: 'BackupConfiguration',
  plural: 'backupconfigurations',
  namespaced: true,
} satisfies Resource;

export const BACKUP_SESSIONS = {
  group: GROUP,
  version: 'v1beta1',
  kind: 'BackupSession',
  plural: 'backupsessions',
  namespaced: true,
} satisfies Resource;

export const RESTORE_SESSIONS = {
  group: GROUP,
  version: 'v1beta1',
  kind: 'RestoreSession',
  plural: 'restoresessions',
  namespaced: true,
} satisfies Resource;

export const FUNCTIONS = {
  group: GROUP,
  version: 'v1beta1',
  kind: 'Function',
  plural: 'functions',
  namespaced: false,
} satisfies Resource;

export const TASKS = {
  group: GROUP,
  version: 'v1beta1',
  kind: 'Task',
  plural: 'tasks',
  namespaced: false,
} satisfies Resource;

/** Of KubeDB, whose group it is: where it is installed, we use what it brought. */
export const APP_BINDINGS = {
  group: 'appcatalog.appscode.com',
  version: 'v1alpha1',
  kind: 'AppBinding',
  plural: 'appbindings',
  namespaced: true,
} satisfies Resource;

/** The `apiVersion` of objects of `resource`: `apps/v1`, and `v1` for the core group. */
export function apiVersionOf(resource: Pick<Resource, 'group' | 'version'>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
