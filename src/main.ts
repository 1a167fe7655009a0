#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { faultOfPushgateway } from './api/pushgateway-url.ts';
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
const postgresImage = () =>
  new Option('--postgres-image <image>', 'image of the Functions pg-backup and pg-recovery of the catalog')
    .env('STASH_POSTGRES_IMAGE')
    .default(`stash-postgres:${manifest.version}`);
const pushgateway = (text: string) => {
  const fault = faultOfPushgateway(text);
  if (fault !== undefined) throw new InvalidArgumentError(`${fault}.`);
  return text;
};
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
  .addOption(postgresImage())
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
  .option('--enable-metric', 'let Tasks push metrics where their inputs do not say (enableMetric)', false)
  .option(
    '--pushgateway-url <url>',
    'where Tasks push them where their inputs do not say (pushgatewayURL); seen in Jobs, so without a password',
    pushgateway,
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

agent
  .command('trigger')
  .description('create the BackupSession that the CronJob of a BackupConfiguration was due for')
  .requiredOption('--configuration <name>', 'the BackupConfiguration')
  .action(async (options) => {
    const { trigger } = await import('./agent/main.ts');
    process.exitCode = await trigger({ configuration: options.configuration });
  });

const withPgOptions = (command: Command) =>
  command
    .option('--hostname <host>', 'the host that the snapshots are of', 'host-0')
    .option('--database <name>', 'one database, instead of all that the server has', '')
    .option('--scheme <scheme>', 'scheme of the AppBinding, which tells whether the server has TLS', '')
    .option('--query <query>', 'query of the AppBinding, such as sslmode=verify-full', '')
    .option('--insecure-skip-tls-verify <boolean>', 'whether the certificate is not verified', '')
    .option('--output-dir <directory>', 'the temporary volume of the Task', '/tmp/restic');

withPgOptions(agent.command('pg-backup'))
  .description('back up a PostgreSQL server, or one database of it; a step of a Task')
  .requiredOption('--backupsession <name>', 'the BackupSession')
  .action(async (options) => {
    const { pgBackup } = await import('./agent/task-steps.ts');
    process.exitCode = await pgBackup(options);
  });

withPgOptions(agent.command('pg-recovery'))
  .description('restore a PostgreSQL server, or one database of it; a step of a Task')
  .requiredOption('--recoveryconfiguration <name>', 'the RestoreSession')
  .action(async (options) => {
    const { pgRecovery } = await import('./agent/task-steps.ts');
    process.exitCode = await pgRecovery(options);
  });

agent
  .command('prepare')
  .description('open the repository for the steps of a Task, or make it, once the session names this pod')
  .addOption(
    new Option('--kind <kind>', 'what the session is')
      .choices(['BackupSession', 'RestoreSession'])
      .makeOptionMandatory(),
  )
  .requiredOption('--session <name>', 'the session')
  .action(async (options) => {
    const { prepare } = await import('./agent/task-steps.ts');
    process.exitCode = await prepare(options);
  });

/** Where the steps of a Task leave each other what they did. */
const outputDirectory = (flag: string) =>
  new Option(`${flag} <directory>`, 'where the steps leave what they did');

agent
  .command('volume-backup')
  .description('back up directories of a claim, as a step of a Task')
  .requiredOption('--backupsession <name>', 'the BackupSession')
  .requiredOption('--mount-path <path>', 'where the claim is mounted')
  .addOption(outputDirectory('--output-dir').makeOptionMandatory())
  .action(async (options) => {
    const { volumeBackup } = await import('./agent/task-steps.ts');
    const { backupsession: session, mountPath, outputDir } = options;
    process.exitCode = await volumeBackup({ session, mountPath, outputDirectory: outputDir });
  });

agent
  .command('volume-recovery')
  .description('restore directories of a claim, as a step of a Task')
  .requiredOption('--recoveryconfiguration <name>', 'the RestoreSession')
  .requiredOption('--mount-path <path>', 'where the claim is mounted')
  .addOption(outputDirectory('--output-dir').makeOptionMandatory())
  .action(async (options) => {
    const { volumeRecovery } = await import('./agent/task-steps.ts');
    const { recoveryconfiguration: session, mountPath, outputDir } = options;
    process.exitCode = await volumeRecovery({ session, mountPath, outputDirectory: outputDir });
  });

/**
 * A last step of a Task, as a command of `stash` itself too, as Functions may call it that are older than `stash agent`. With metrics: an
 * empty value is as if the option were left out.
 */
const postStep = (name: string, configure: (command: Command) => void) => {
  for (const parent of [agent, program]) {
    configure(
      parent
        .command(name, { hidden: parent === program })
        .addOption(outputDirectory('--output-json-dir').makeOptionMandatory())
        // Any text: the data is in the repository by now, and no misspelt switch may make a Failed session of it.
        .option('--metrics-enabled <boolean>', 'whether the outcome is pushed')
        .option('--pushgateway-url <url>', 'the Pushgateway that it is pushed to'),
    );
  }
};

postStep('post-backup-update', (command) =>
  command
    .description(
      'report what the steps of a backup made, and apply the retention policy: the last step of a Task',
    )
    .requiredOption('--repository <name>', 'the Repository')
    .requiredOption('--backupsession <name>', 'the BackupSession')
    .action(async (options) => {
      const { postBackup } = await import('./agent/task-steps.ts');
      const {
        backupsession: session,
        outputJsonDir: outputDirectory,
        metricsEnabled,
        pushgatewayUrl,
      } = options;
      process.exitCode = await postBackup({ session, outputDirectory, metricsEnabled, pushgatewayUrl });
    }),
);

postStep('post-recovery-update', (command) =>
  command
    .description('report what the steps of a restore restored: the last step of a Task')
    .requiredOption('--recoveryconfiguration <name>', 'the RestoreSession')
    .action(async (options) => {
      const { postRecovery } = await import('./agent/task-steps.ts');
      const {
        recoveryconfiguration: session,
        outputJsonDir: outputDirectory,
        metricsEnabled,
        pushgatewayUrl,
      } = options;
      process.exitCode = await postRecovery({ session, outputDirectory, metricsEnabled, pushgatewayUrl });
    }),
);

const yesOrNo = (text: string) => {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InvalidArgumentError('It must be true or false.');
};

agent
  .command('cluster-backup')
  .description("back up the cluster's objects as YAML: those that the ServiceAccount of the pod may list")
  .requiredOption('--backupsession <name>', 'the BackupSession that this is for')
  .option(
    '--sanitize <boolean>',
    'take out what the server wrote, so that kubectl can apply it',
    yesOrNo,
    true,
  )
  .option('--include-secrets <boolean>', 'back up Secrets too', yesOrNo, false)
  .option('--output-dir <directory>', 'where to write the objects, and what was done', '/tmp/restic')
  .action(async (options) => {
    const { clusterBackup } = await import('./agent/task-steps.ts');
    process.exitCode = await clusterBackup({
      session: options.backupsession,
      sanitize: options.sanitize,
      includeSecrets: options.includeSecrets,
      outputDirectory: options.outputDir,
    });
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

withAgentOptions(program.command('render'))
  .description('show the Job that each BackupConfiguration and RestoreSession with a task would run')
  .requiredOption(
    '-f, --filename <file>',
    'a file or folder of manifests, YAML or JSON; - is the standard input; may be repeated',
    collect,
  )
  .option('-R, --recursive', 'take the folders in a folder too', false)
  .option('-n, --namespace <name>', 'namespace of the objects that name none', 'default')
  .addOption(postgresImage())
  .addHelpText(
    'after',
    `
It asks no cluster. The Repositories and AppBindings have to stand beside the configurations; Tasks and Functions too, where they are
not of the catalog. A backup is shown as that of a session whose name ends in 0, where the schedule writes the second at which it is due.
The exit status is 1 where something keeps a Job from being made; all of it is told, and nothing is written then.`,
  )
  .action(async (options) => {
    const { renderCommand } = await import('./kubectl/render.ts');
    const { readCatalog } = await import('./controllers/catalog.ts');
    const { folder } = await import('./folder.ts');
    const { buffer } = await import('node:stream/consumers');
    const catalog = await readCatalog(folder('manifests/catalog'), {
      stash: options.image,
      'stash-postgres': options.postgresImage,
    });
    process.exitCode = await renderCommand(options, catalog, {
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
