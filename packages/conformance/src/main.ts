import { Command, InvalidArgumentError } from 'commander'
import { VERSION } from '../../../src/protocol/index.js'
import { conformance, type ConformanceOptions } from './conformance.js'
import { UsageError } from './usage-error.js'

const seconds = (text: string): number => {
  const number = Number(text)
  if (!/^[\d.]+$/.test(text) || !(number > 0))
    throw new InvalidArgumentError('It must be a number of seconds above 0.')
  return number
}

const program = new Command('chat-session-conformance')
  .description(
    'Run a client of any language through the rules of the protocol, with gateways that misbehave on purpose. Exits with 1 if a rule does not hold.',
  )
  .version(VERSION)
  .showHelpAfterError()
  .requiredOption(
    '--client <command>',
    'shell command that starts the client; the README of this package says what it reads and prints',
  )
  .option('--only <names>', 'run these cases or sections alone, or "core", with commas between them')
  .option('--timeout <seconds>', 'how long the client may take for each step', seconds, 20)
  .option('--json', 'print the results as JSON')
  .action((options: ConformanceOptions) => conformance(options))

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`chat-session-conformance: ${error.message}\n`, () => process.exit(2))
}
