import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

let number = 0;

/** Does one step, and prints a line: what happened, as `work` tells it, and how long it took. */
export async function step(work: () => Promise<string>): Promise<void> {
  const began = performance.now();
  number++;
  const told = await work().catch((error: unknown) => {
    process.stderr.write(`${number}. failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${String(number).padStart(2)}. ${told}  (${seconds} s)\n`);
}

/** What `kubectl …` prints. @throws {Error} with the last that it says, where it fails */
export async function kubectl(...args: string[]): Promise<string> {
  try {
    const { stdout } = await run('kubectl', args, { maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`kubectl ${args[0]} failed: ${stderr.trim().split('\n').slice(-5).join('\n')}`);
  }
}

/** `kubectl apply` of `yaml`. */
export async function apply(yaml: string): Promise<void> {
  const child = run('kubectl', ['apply', '-f', '-']);
  child.child.stdin?.end(yaml);
  await child;
}

/** What `look` finds, as soon as it finds something. @throws {Error} that tells what was not seen, after a minute and a half */
export async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + 90_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not seen within 90 s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
