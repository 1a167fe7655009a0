import { UnreadableOutputError } from '../restic/json.ts';
import { Stopped } from './stop.ts';

/** Why a host failed: `reason` is one word that programs may rely on, `message` a sentence that says what to do. */
export class HostFailure extends Error {
  override readonly name = 'HostFailure';
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** All of `failures` as one, for the reason of the first. */
export function together(failures: readonly [HostFailure, ...HostFailure[]]): HostFailure {
  const [first, ...more] = failures;
  if (more.length === 0) return first;
  return new HostFailure(first.reason, failures.map(({ message }) => message).join('. '));
}

const longestMessage = 4096;

/** `message` as the schema of a host takes it. */
export function boundedMessage(message: string): string {
  return message.length <= longestMessage ? message : `${message.slice(0, longestMessage - 1)}…`;
}

/** What is said of a host: a word that programs may rely on, and a sentence. */
export interface Note {
  reason: string;
  message: string;
}

/** `REASON: sentence` in its parts; `reason` where it names none. */
export function noteOf(text: string, reason: string): Note {
  const [, word = reason, message = text] = /^([A-Z][A-Za-z]{1,127}): (.+)$/s.exec(text) ?? [];
  return { reason: word, message: boundedMessage(message) };
}

/** `count` of them in words, the first few by name: what a message has room for. */
export function listed(items: readonly string[], count: number): string {
  const more = count - items.length;
  return more > 0 ? `${items.join('; ')}; and ${more} more` : items.join('; ');
}

/** Any error as the failure of a host. What is no HostFailure is a fault of the agent, or of the machine that it runs on. */
export function failureOf(error: unknown): { reason: string; message: string } {
  if (error instanceof HostFailure || error instanceof Stopped) {
    return { reason: error.reason, message: boundedMessage(error.message) };
  }
  if (error instanceof UnreadableOutputError) {
    return { reason: error.code, message: boundedMessage(error.message) };
  }
  const said = error instanceof Error ? error.message : String(error);
  return { reason: 'AgentFailed', message: boundedMessage(`the agent could not go on: ${said}`) };
}

/** What is left to say of work whose agent was lost. */
export const agentRestarted = {
  reason: 'AgentRestarted',
  message:
    'the container of the agent was restarted in the middle, most often because it ran out of memory: look at the last state of the container in the pod, and give it more memory if that says OOMKilled',
};
