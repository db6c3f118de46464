import { script } from './context/context.js'
import { replyList, type Script } from './context/counts.js'
import { importNumbers, loadNumbers, type InboxNumbers } from './users/user.js'

/** A command: its name, a key, and its other arguments. The command `INBOX` is one that Redis does not have. */
type Command = [name: string, key: string, ...args: string[]]

type Run = (command: Command) => unknown

/** Runs commands, which are JSON. `inbox` runs the command `INBOX`. Returns the present time, and the reply of each command. */
const runAll = (commands: string, inbox: Run) => {
  const replies: unknown[] = []
  for (const command of cjson.decode(commands) as Command[]) {
    const [name, key, ...args] = command
    replies.push(name === 'INBOX' ? inbox(command) : redis.call(name as 'HMGET', key, ...args))
  }
  return replyList(replies, script.now)
}

/**
 * Runs commands that read, for a transfer. The command `INBOX` reads the packed numbers in a user's hash: its reply has
 * the number of deletions, the newest offset, the oldest offset, and the read offset. Returns the present time, and the reply of each
 * command.
 */
export const readRows: Script<'readRows'> = ([commands]) =>
  runAll(commands, ([, key]) => {
    const { deletions, newest, first, readOffset } = loadNumbers(key)
    return [deletions, newest, first, readOffset]
  })

/**
 * Runs commands that write, for a transfer. The command `INBOX` packs numbers into a user's hash: its argument is JSON
 * with `InboxNumbers`, and those that are absent are as in a new inbox. Returns the present time, and the reply of each command.
 */
export const writeRows: Script<'writeRows'> = ([commands]) =>
  runAll(commands, ([, key, numbers = '']) =>
    importNumbers(key, cjson.decode(numbers) as Partial<InboxNumbers>),
  )
