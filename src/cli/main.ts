#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { VERSION } from '../protocol/index.js'
import { printSignature } from './signature.js'
import { printToken } from './token.js'

const port = (text: string): number => {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number > 65_535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.')
  return number
}

const seconds = (text: string): number => {
  const number = Number(text)
  if (!/^[\d.]+$/.test(text) || !(number > 0))
    throw new InvalidArgumentError('It is a number of seconds, above 0.')
  return number
}

const secretOption = (): Option =>
  new Option('--secret-env <name>', 'environment variable that holds the secret').default(
    'CHAT_SESSION_SECRET',
  )

const program = new Command('chat-session')
  .description('A chat session gateway, and what a backend needs to vouch for its users.')
  .version(VERSION)
  .showHelpAfterError()

// What runs a gateway is loaded by the commands that need it: minting a token must not wait for a store.
program
  .command('serve')
  .description('Run the gateway as a config file says.')
  .addOption(
    new Option('--config <file>', 'JSON file, or a module whose default export is the config').env(
      'CHAT_SESSION_CONFIG',
    ),
  )
  .action(async (options: { config?: string }) => (await import('./serve.js')).serve(options))

program
  .command('dev')
  .description('Run a gateway with ready-made apps and the playground: nothing to configure.')
  .option('--host <host>', 'name or address to listen on', '127.0.0.1')
  .addOption(new Option('--port <port>', '0 takes a free one').env('PORT').default(8080).argParser(port))
  .option('--data <folder>', 'where it keeps its data and its secrets', '.chat-session')
  .action(async (options: { host: string; port: number; data: string }) =>
    (await import('./dev/dev.js')).dev(options),
  )

program
  .command('token')
  .description('Print a token for a user, as the app’s backend would make it.')
  .requiredOption('--app <id>', 'app id')
  .requiredOption('--user <id>', 'user id')
  .option('--expires-in <seconds>', 'how long it is good for', seconds, 3600)
  .addOption(secretOption())
  .action(printToken)

program
  .command('signature')
  .description('Print the signature of a user id, as the app’s backend would make it.')
  .requiredOption('--user <id>', 'user id')
  .addOption(secretOption())
  .action(printSignature)

/** Errors that say what the person at the keyboard can do; anything else is a defect and shows where it is. */
const isForPeople = (error: unknown): error is Error =>
  error instanceof Error && ['GatewayError', 'EngineError', 'TokenError', 'CliError'].includes(error.name)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) throw error
  if (!isForPeople(error)) throw error
  process.stderr.write(error.message.replaceAll(/^/gm, 'chat-session: ') + '\n')
  process.exitCode = 2
}
