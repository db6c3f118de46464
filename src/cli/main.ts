#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { VERSION } from '../protocol/index.js'
import { CliError, isForUser } from './cli-error.js'
import type { CopyOptions } from './copy.js'
import type { DoctorOptions } from './doctor/doctor.js'
import type { InitOptions } from './init/init.js'
import type { ConfigOptions } from './load-config.js'
import type { ServeOptions } from './serve.js'
import { printAppToken, printSignature, printToken } from './tokens.js'

const DEFAULT_HOST = '127.0.0.1'
const DEFAULT_PORT = 8080

const wholeNumber = (text: string, from: number, to: number, problem: string): number => {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= from && number <= to) return number
  throw new InvalidArgumentError(problem)
}

/** Returns the port in a text. An empty text counts as absent, because some shells and compose files set an empty PORT. */
const port = (text: string): number =>
  text === '' ? DEFAULT_PORT : wholeNumber(text, 0, 65_535, 'A port is a whole number from 0 to 65535.')

const appPort = (text: string): number =>
  wholeNumber(text, 1, 65_535, 'A port is a whole number from 1 to 65535.')

/** Returns the host in a text. An empty text counts as absent: a server would listen on every address. */
const host = (text: string): string => text || DEFAULT_HOST

const seconds = (text: string): number => {
  const number = Number(text)
  if (!/^[\d.]+$/.test(text) || !(number > 0))
    throw new InvalidArgumentError('It must be a number of seconds above 0.')
  return number
}

const workerCount = (text: string): number | 'auto' =>
  text === 'auto' ? text : wholeNumber(text, 1, 256, 'It must be a whole number from 1 to 256, or "auto".')

const secretOption = (): Option =>
  new Option('--secret-env <name>', 'environment variable that holds the secret').default('CHAT_SECRET')

const configOption = (): Option =>
  new Option('--config <file>', 'JSON file, or a module whose default export is the config').env(
    'CHAT_SESSION_CONFIG',
  )

const program = new Command('chat-session')
  .description('The chat session gateway, and tokens and signatures for its users.')
  .version(VERSION)
  .showHelpAfterError()

/**
 * Runs a command that reads a config, and ends the process once the command's output is written, because a config module may have a timer
 * or a socket open.
 */
const thenExit = async (command: Promise<void>): Promise<void> => {
  await command
  process.stdout.write('', () => process.exit())
}

// Commands that need the gateway load it themselves, so that `token` and `signature` start faster.
program
  .command('init')
  .description(
    'Write chat.json, the config of a gateway for the app in this folder, and print the tag, the listeners, the token endpoint and the commands that the app needs. It knows Rails, Django, Laravel, Next.js, Hono, Fastify, Express and Vite, and changes no file that exists.',
  )
  .option('--port <port>', 'port of the app’s development server (default: what its files say)', appPort)
  .action(async (options: InitOptions) => (await import('./init/init.js')).init(options))

program
  .command('serve')
  .description('Run the gateway with a config file.')
  .addOption(configOption())
  .addOption(
    new Option('--log-level <level>', 'log this level and the more severe ones (default: info)').env(
      'LOG_LEVEL',
    ),
  )
  .addOption(
    new Option(
      '--workers <number>',
      'run this many processes on one port, or "auto" for one a core; needs an engine of type redis',
    ).argParser(workerCount),
  )
  .action(async (options: ServeOptions) => {
    // A SIGHUP before the config is read has nothing to do, but without a listener it would end the process.
    process.on('SIGHUP', () => undefined)
    return (await import('./serve.js')).serve(options)
  })

program
  .command('check')
  .description('Check a config without starting the gateway. Exits with 2 if serve would refuse it.')
  .addOption(configOption())
  .action(async (options: ConfigOptions) => thenExit((await import('./check.js')).check(options)))

program
  .command('check-token')
  .description(
    'Say of each part of a token whether the gateway would accept it. Exits with 2 if it would not.',
  )
  .argument('<token>', 'the token, or - to read it from standard input')
  .addOption(configOption())
  .action(async (token: string, options: ConfigOptions) =>
    thenExit((await import('./check-token.js')).checkToken(token, options)),
  )

program
  .command('doctor')
  .description(
    'Look at a running gateway from outside, as a page would reach it, and with its config at the backends that it asks. Exits with 2 if something would not work.',
  )
  .argument('<url>', 'where pages reach the gateway, as https://chat.example.com')
  .option('--app <id>', 'app id, to check that the gateway has it')
  .option(
    '--origin <origin>',
    'origin of your pages, to check that the app takes it (default: that of --page)',
  )
  .option('--page <url>', 'a page that uses the gateway, to check its Content-Security-Policy')
  .addOption(configOption())
  .action(async (url: string, { config, ...options }: DoctorOptions & ConfigOptions) => {
    const { doctor } = await import('./doctor/doctor.js')
    if (!config) return doctor(url, options)
    const { loadSettings } = await import('./load-config.js')
    return thenExit(doctor(url, options, await loadSettings(config)))
  })

program
  .command('conformance')
  .description('A package of its own, for authors of clients: npx chat-session-conformance --client COMMAND')
  .allowUnknownOption()
  .allowExcessArguments()
  .action(() => {
    throw new CliError(
      'The suite for clients is a package of its own: npx chat-session-conformance --client COMMAND',
    )
  })

program
  .command('copy')
  .description(
    'Transfer the data of a config’s engine to the empty engine of another config, while no gateway uses either.',
  )
  .requiredOption('--from <config>', 'config whose engine has the data')
  .requiredOption('--to <config>', 'config whose engine gets them: a new folder, or a Redis without them')
  .option('--restart', 'delete what a transfer that did not finish has left in the target')
  .action(async (options: CopyOptions) => thenExit((await import('./copy.js')).copy(options)))

program
  .command('dev')
  .description('Run a gateway with ready-made apps and the playground, without a config.')
  .option('--host <host>', 'name or address to listen on', host, DEFAULT_HOST)
  .addOption(
    new Option('--port <port>', '0 takes a free port').env('PORT').default(DEFAULT_PORT).argParser(port),
  )
  .option('--data <folder>', 'folder for data and secrets', '.chat-session')
  .action(async (options: { host: string; port: number; data: string }) =>
    (await import('./dev/dev.js')).dev(options),
  )

program
  .command('token')
  .description('Print a token for a user, as the app’s backend would make it.')
  .requiredOption('--app <id>', 'app id')
  .requiredOption('--user <id>', 'user id')
  .option('--expires-in <seconds>', 'how long it is valid', seconds, 3600)
  .addOption(secretOption())
  .action(printToken)

program
  .command('app-token')
  .description('Print a token that calls the REST API. It can do everything to the app’s users.')
  .requiredOption('--app <id>', 'app id')
  .option('--expires-in <seconds>', 'how long it is valid', seconds, 60)
  .addOption(secretOption())
  .action(printAppToken)

program
  .command('signature')
  .description('Print the signature of a user id, as the app’s backend would make it.')
  .requiredOption('--user <id>', 'user id')
  .addOption(secretOption())
  .action(printSignature)

try {
  // Without a command Commander prints the help as an error.
  if (process.argv.length === 2) program.help()
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) throw error
  if (!isForUser(error)) throw error
  // A config module's timer, or a worker's channel to the primary process, would keep the process running although it serves nothing.
  process.stderr.write(error.message.replaceAll(/^/gm, 'chat-session: ') + '\n', () => process.exit(2))
}
