#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { parseQuantity } from './api/quantity.ts';

/* The command line: parses, wires, and does nothing else. What a command needs is loaded when it is called. */

const program = new Command('stash')
  .description('Backs up and restores what runs on Kubernetes, with restic.')
  .version(manifest.version)
  .showHelpAfterError('(--help tells more)')
  // What was written wrong ends with 2, what went wrong with 1.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

const wholeNumber = (minimum: number) => (text: string) => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < minimum) {
    throw new InvalidArgumentError(`It must be a whole number of at least ${minimum}.`);
  }
  return number;
};
const image = () =>
  new Option('--image <image>', 'image of the agents that are put into workloads')
    .env('STASH_IMAGE')
    .default(`stash:${manifest.version}`);
const quantities = (text: string) =>
  Object.fromEntries(
    text.split(',').map((part) => {
      const [name = '', quantity] = part.split('=');
      const isKnown = ['cpu', 'memory', 'ephemeral-storage'].includes(name);
      if (!isKnown || parseQuantity(quantity) === undefined) {
        throw new InvalidArgumentError('Write it as cpu=100m,memory=256Mi.');
      }
      return [name, quantity ?? ''];
    }),
  );
/** What decides how agents are put into workloads: the same for the operator and for rendered manifests. */
const withAgentOptions = (command: Command) =>
  command
    .addOption(image())
    .option(
      '--image-pull-secret <name>',
      "Secret of the workload's namespace to pull the image with; may be repeated",
      collect,
    )
    .option('--agent-requests <list>', 'what an agent asks for (cpu=10m,memory=128Mi)', quantities)
    .option(
      '--agent-limits <list>',
      "limits of an agent where the workload's containers have limits (cpu=500m,memory=512Mi)",
      quantities,
    )
    .option('--native-sidecar', 'put the sidecar in as an init container that goes on running', false);
const collect = (value: string, before: string[] = []) => [...before, value];

withAgentOptions(program.command('serve'))
  .description('run the operator: admission webhook, scheduler and controllers')
  .addOption(
    new Option('--namespace <name>', 'namespace of the operator')
      .env('POD_NAMESPACE')
      .default('stash-system'),
  )
  .option('--webhook-port <port>', 'port of the admission webhook', wholeNumber(0), 8443)
  .option('--probe-port <port>', 'port of the probes and the metrics', wholeNumber(0), 8081)
  .option('--service-name <name>', 'Service by which the API server finds the webhook', 'stash-webhook')
  .option('--webhook-url <url>', 'URL by which the API server finds the webhook, instead of the Service')
  .option(
    '--certificate-directory <directory>',
    'serve with the tls.crt, tls.key and ca.crt there, which others keep fresh, instead of a certificate of its own',
  )
  .option(
    '--allow-host-path',
    'let Repositories be on a hostPath: whoever may make one can then read and write files of the nodes',
    false,
  )
  .option('--max-sessions <n>', 'backups that run at once, in the whole cluster', wholeNumber(1), 20)
  .option(
    '--max-sessions-per-repository <n>',
    'backups that run at once, in one repository',
    wholeNumber(1),
    4,
  )
  .option(
    '--context <name>',
    'context of the kubeconfig (KUBECONFIG, or the usual place; in a pod its own ServiceAccount)',
  )
  .addOption(
    new Option('--log-level <level>', 'how much to log')
      .choices(['debug', 'info', 'warn', 'error'])
      .env('LOG_LEVEL')
      .default('info'),
  )
  .action(async (options) => {
    const { serve } = await import('./serve.ts');
    await serve(options);
  });

const agent = program.command('agent').description('what runs beside the data; the operator puts it there');

agent
  .command('sidecar')
  .description('back up the directories of a workload, whenever a session says so')
  .requiredOption('--configuration <name>', 'a BackupConfiguration to serve; may be repeated', collect)
  .requiredOption('--directory <path>', 'a directory that is mounted here; may be repeated', collect)
  .action(async (options) => {
    const { sidecar } = await import('./agent/main.ts');
    process.exitCode = await sidecar({
      configurations: options.configuration,
      directories: options.directory,
    });
  });

agent
  .command('restore')
  .description('restore the directories of a workload before its containers start')
  .requiredOption('--session <name>', 'a RestoreSession to serve; may be repeated', collect)
  .requiredOption('--directory <path>', 'a directory that is mounted here; may be repeated', collect)
  .action(async (options) => {
    const { restore } = await import('./agent/main.ts');
    process.exitCode = await restore({ sessions: options.session, directories: options.directory });
  });

agent
  .command('check')
  .description('check a repository, count what is in it, and report it')
  .requiredOption('--repository <name>', 'the Repository to check')
  .action(async (options) => {
    const { check } = await import('./agent/main.ts');
    process.exitCode = await check({ repository: options.repository });
  });

withAgentOptions(program.command('inject'))
  .description('put sidecars and restore init containers into the workloads of rendered manifests')
  .requiredOption(
    '-f, --filename <file>',
    'a file or folder of manifests, YAML or JSON; - is the standard input; may be repeated',
    collect,
  )
  .option('-R, --recursive', 'take the folders in a folder too', false)
  .option('-n, --namespace <name>', 'namespace of the objects that name none', 'default')
  .addHelpText(
    'after',
    `
The Repositories, BackupConfigurations and RestoreSessions have to stand beside the workloads. The result goes to the standard output:
all that is not a target passes through as it is, and a sidecar that nobody wants any more is taken out. The options
of the image and the agents have to be what the operator of the cluster has. The exit status is 1 where something cannot be resolved; nothing is written then.`,
  )
  .action(async (options) => {
    const { injectCommand } = await import('./kubectl/inject.ts');
    const { buffer } = await import('node:stream/consumers');
    process.exitCode = await injectCommand(options, {
      readStdin: () => buffer(process.stdin),
      out: (text) => process.stdout.write(text),
      error: (text) => process.stderr.write(text),
    });
  });

program
  .command('uninstall')
  .description('take sidecars out of all workloads, and then the operator out of the cluster')
  .option('--namespace <name>', 'namespace of the operator', 'stash-system')
  .option('--context <name>', 'context of the kubeconfig (KUBECONFIG, or the usual place)')
  .option('--dry-run', 'change nothing, and say what would be done', false)
  .option('--purge', 'also delete the kinds, and so all Repositories, configurations and sessions', false)
  .option('--yes', 'do not ask before --purge', false)
  .addHelpText(
    'after',
    `
It can be broken off and run again at any moment. Repositories, configurations, sessions and all data stay, so that a later
installation goes on with them; snapshots stay even with --purge.`,
  )
  .action(async (options) => {
    const { uninstallCommand } = await import('./kubectl/uninstall-command.ts');
    const { createInterface } = await import('node:readline/promises');
    process.exitCode = await uninstallCommand(options, {
      out: (text) => process.stdout.write(text),
      error: (text) => process.stderr.write(text),
      ask: async (question) => {
        if (!process.stdin.isTTY) return undefined;
        const terminal = createInterface({ input: process.stdin, output: process.stderr });
        const answer = await terminal.question(question);
        terminal.close();
        return answer.trim();
      },
    });
  });

try {
  await program.parseAsync();
} catch (error) {
  const isDebugging = process.env.LOG_LEVEL === 'debug' && error instanceof Error;
  const told = isDebugging ? error.stack : error instanceof Error ? error.message : error;
  process.stderr.write(`stash: ${told}\n`);
  process.exit(1);
}
