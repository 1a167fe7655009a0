import { spawn } from 'node:child_process';

export interface KubectlOutcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** kubectl as a user calls it, with `input` on its stdin. Throws nothing: what it refuses is an outcome too. */
export function tryKubectl(args: readonly string[], input = ''): Promise<KubectlOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn('kubectl', args, { stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({ status: code ?? 1, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() }),
    );
    // It may end without having read all.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** What `kubectl …` prints. @throws {Error} with all that it says, where it fails */
export async function kubectl(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await tryKubectl(args);
  if (status === 0) return stdout;
  throw new Error(`kubectl ${args.join(' ')} ended with ${status}: ${stderr}`);
}
