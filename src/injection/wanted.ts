/** All that a workload should have. The order of the lists says nothing. */
export interface Wanted {
  backups: BackupWanted[];
  restores: RestoreWanted[];
  /**
   * Names of BackupConfigurations whose part of the sidecar stays as it stands until something else is to be changed, whatever they ask by
   * now, or though they ask nothing any more.
   */
  kept?: readonly string[] | undefined;
}

/** What a BackupConfiguration asks of the workload. `name` is the BackupConfiguration's. */
export interface BackupWanted extends DirectoriesWanted {
  /** How the sidecar is to run; where it is left out, as the installation and the workload have it. */
  settings?: SidecarSettings | undefined;
  /** Names of Secrets in the workload's namespace, beside those of the installation. */
  imagePullSecrets?: string[] | undefined;
}

/** As in Kubernetes: `resources` has quantities by resource name. */
export interface SidecarSettings {
  resources?: Resources | undefined;
  securityContext?: { runAsUser?: number; runAsGroup?: number; runAsNonRoot?: boolean } | undefined;
}

export interface Resources {
  requests?: Record<string, string | number>;
  limits?: Record<string, string | number>;
}

/** What a RestoreSession asks of the workload. `name` is the RestoreSession's. */
export interface RestoreWanted extends DirectoriesWanted {}

export interface DirectoriesWanted {
  name: string;
  /** Of a RestoreSession: another one of the same name is another restore. */
  uid?: string | undefined;
  /** Which form of the object it is: of what was refused, another one is tried anew. It makes no difference to the workload. */
  edition?: string | undefined;
  repository: RepositoryWanted;
  /** Absolute, as the containers see them. */
  directories: string[];
  /** Whose volumes are meant, where containers differ. */
  container?: string | undefined;
}

export interface RepositoryWanted {
  name: string;
  /** The storage Secret; it need not exist yet. */
  secretName: string;
  /** Where the repository is a directory of a volume: the whole volume is mounted at `mountPath`. */
  local?: LocalWanted | undefined;
}

/** One of the volumes, as Kubernetes has them. */
export interface LocalWanted {
  persistentVolumeClaim?: { claimName: string; readOnly?: boolean | undefined } | undefined;
  nfs?: { server: string; path: string; readOnly?: boolean | undefined } | undefined;
  hostPath?: { path: string; type?: string | undefined } | undefined;
  mountPath: string;
}

/** How the parts are made. No change here changes what is already in a workload. */
export interface InjectionOptions {
  image: string;
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined;
  /** Names of Secrets in the workload's namespace. */
  imagePullSecrets: string[];
  /** An init container with `restartPolicy: Always`, rather than one more container. */
  nativeSidecar: boolean;
  /** Quantities, by resource name. A limit holds where each of the workload's own containers has one of that resource. */
  resources: { requests: Record<string, string>; limits?: Record<string, string> | undefined };
}
