import { parseErrorLine } from './messages.ts';
import { redact } from './redact.ts';

/** How a restic process ended. */
export interface Exit {
  /** The command, such as `backup`. */
  readonly command: string;
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal?: string | null;
  /** The last of what restic wrote to stderr. Detail for whoever reads the message; it decides nothing. */
  readonly stderr?: string;
  /** The directory that the repository is in, where that is one of the node by itself. */
  readonly hostPath?: NodeDirectory;
  /** Values that must not appear in the message. */
  readonly secrets?: readonly string[];
}

export interface NodeDirectory {
  readonly path: string;
  readonly node: string;
}

/** Why restic failed. */
export interface Failure {
  readonly code: number | null;
  /** For a condition. */
  readonly reason: FailureReason;
  /** What happened and what to do, then what restic said of it. */
  readonly message: string;
  /** Whether the same command may succeed later, with nothing changed by a person. */
  readonly retryable: boolean;
}

export type FailureReason =
  | 'RepositoryNotFound'
  | 'RepositoryLocked'
  | 'RepositoryUnreachable'
  | 'WrongPassword'
  | 'SomeFilesUnreadable'
  | 'Interrupted'
  | 'Killed'
  | 'ResticCrashed'
  | 'ResticFailed';

interface Explanation {
  readonly reason: FailureReason;
  readonly message: string;
  readonly retryable: boolean;
}

/** restic's exit code where there is no repository. */
export const NO_REPOSITORY = 10;

const EXPLANATIONS: Record<number, Explanation> = {
  2: {
    reason: 'ResticCrashed',
    message:
      'restic crashed, most often for lack of memory. Give the container more memory; if it goes on, report it with the output below.',
    retryable: true,
  },
  3: {
    reason: 'SomeFilesUnreadable',
    message:
      'Some files could not be read, so the snapshot is not complete. Let the user that the backup runs as read them, or exclude them.',
    retryable: false,
  },
  [NO_REPOSITORY]: {
    reason: 'RepositoryNotFound',
    message:
      'There is no repository at this place. If it was here before, bring its storage back: it is not made anew, since that would hide the loss. If not, check the backend of the Repository.',
    retryable: false,
  },
  11: {
    reason: 'RepositoryLocked',
    message:
      'The repository is locked by another restic, and stayed so until the waiting time was over. Wait for that one to end. A lock that a crash left behind is removed once it is 30 minutes old; where one stays for longer, look at who holds it: "restic list locks", "restic cat lock ID".',
    retryable: true,
  },
  12: {
    reason: 'WrongPassword',
    message:
      'RESTIC_PASSWORD in the storage Secret does not open this repository. Put the password there that the repository was made with.',
    retryable: false,
  },
};

/** Commands that do little more than to open the repository. */
const OPENING = ['cat', 'snapshots'];

const UNREACHABLE: Explanation = {
  reason: 'RepositoryUnreachable',
  message:
    'The repository could not be opened: its storage did not answer, or did not accept the credentials. Check the backend of the Repository, and the credentials and CA_CERT_DATA of its Secret.',
  retryable: true,
};

const INTERRUPTED: Explanation = {
  reason: 'Interrupted',
  message:
    'restic was stopped before it was done: cancelled, past its deadline, or because its pod was stopped.',
  retryable: true,
};

const INTERRUPTING = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Why restic failed, by its exit code; undefined where it succeeded. A code that is not known is a failure, as restic's manual asks.
 *
 * Whoever has stopped restic need not ask: interrupted in the midst of a backup, 0.18 mostly exits with 1, not with 130 as its manual
 * has it, so its code does not tell a stop from a failure.
 *
 * @see https://restic.readthedocs.io/en/v0.18.1/075_scripting.html#exit-codes
 */
export function explainExit(exit: Exit): Failure | undefined {
  if (exit.code === 0) return undefined;
  const { reason, message, retryable } = explanationOf(exit);
  // Redacted first: cut short, a secret would no longer be found whole.
  const said = lastWords(redact(exit.stderr ?? '', exit.secrets ?? []));
  return {
    code: exit.code,
    reason,
    message: said === '' ? message : `${message} restic said: ${said}`,
    retryable,
  };
}

function explanationOf({ command, code, signal, hostPath }: Exit): Explanation {
  if (code === 130 || (code === null && INTERRUPTING.includes(signal ?? ''))) return INTERRUPTED;
  if (code === null) {
    return {
      reason: 'Killed',
      message: `restic ${command} was killed by ${signal ?? 'a signal'}${signal === 'SIGKILL' ? ', most often for lack of memory. Give the container more memory' : ''}.`,
      retryable: true,
    };
  }
  if (code === 1 && OPENING.includes(command)) return UNREACHABLE;
  if (code === NO_REPOSITORY && hostPath !== undefined) return notOnNode(hostPath);
  // Only a backup says with 3 that it could not read files.
  const known = code === 3 && command !== 'backup' ? undefined : EXPLANATIONS[code];
  return (
    known ?? {
      reason: 'ResticFailed',
      message: `restic ${command} failed with exit code ${code}. What to do follows from what it said.`,
      retryable: true,
    }
  );
}

function notOnNode({ path, node }: NodeDirectory): Explanation {
  return {
    reason: 'RepositoryNotFound',
    message: `There is no repository in ${path} of the node ${node}. The Repository is on a hostPath, of which each node has a directory of its own: what pods on another node have made there is not seen here. Have every node mount the same storage at ${path}, or make a Repository on nfs, on a claim that is ReadWriteMany, or on another backend. If it was on this node before, bring its storage back: it is not made anew, since that would hide the loss.`,
    retryable: false,
  };
}

const MOST_LINES = 9;
const MOST_CHARACTERS = 1000;

/** What restic wrote to stderr last, in plain words, and short enough for a condition: the last line says why, those before it where. */
function lastWords(stderr: string): string {
  const words = stderr
    .split('\n')
    .slice(-MOST_LINES)
    .map((line) => wordsOf(line))
    .filter((line) => line !== '')
    .join('\n');
  return words.length > MOST_CHARACTERS ? `…${words.slice(-MOST_CHARACTERS)}` : words;
}

function wordsOf(line: string): string {
  const message = parseErrorLine(line);
  if (message.type === 'text') return message.text;
  if (message.type === 'error') return `${message.item}: ${message.message}`;
  return message.type === 'exit' ? message.message : '';
}
