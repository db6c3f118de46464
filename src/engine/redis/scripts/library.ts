import { steps, type ScriptName, type StepName, type StepRow } from '../steps.js'
import { call, script } from './context/context.js'
import { beginCounts, reply, type Script } from './context/counts.js'
import { keysOf } from './context/key-names.js'
import { several } from './several.js'
import { beginRows } from './sessions/rows.js'
import { beginState } from './state/history.js'
import { beginWebhooks } from './webhooks/events.js'
import * as apps from './apps.js'
import * as engine from './engine.js'
import * as adoption from './messages/adoption.js'
import * as inboxRead from './messages/inbox-read.js'
import * as markRead from './messages/mark-read.js'
import * as messageRestore from './messages/message-restore.js'
import * as ownCopies from './messages/own-copies.js'
import * as inboxPeers from './messages/inbox-peers.js'
import * as send from './messages/send.js'
import * as unreadCheck from './messages/unread-check.js'
import * as attached from './nodes/attached.js'
import * as nodes from './nodes/nodes.js'
import * as sweeps from './nodes/sweeps.js'
import * as devices from './users/devices.js'
import * as changes from './sessions/changes.js'
import * as presence from './sessions/presence.js'
import * as revocations from './sessions/revocations.js'
import * as start from './sessions/start.js'
import * as tokens from './sessions/tokens.js'
import * as settling from './state/settling.js'
import * as comparisons from './state/comparisons.js'
import * as transfer from './transfer.js'
import * as users from './users/users.js'
import * as deliveries from './webhooks/deliveries.js'

/*
 * The entry of the library of Redis Functions. `script.ts` registers a function of Redis for each step, which calls `run`. The modules are
 * made at the first call, because Redis gives a library nothing but `redis.register_function` while it loads it. They keep what they have
 * made for as long as the server's process lives.
 */

/** The first arguments have the same meaning in all scripts. `args` of a script are those after them. */
const COMMON_ARGS = 7
const MAX_UNPACKED = 4_000

/** The script of each step: a function with the step's name. */
const scripts: { [Name in ScriptName]: Script<Name> } = {
  ...{ ...apps, ...engine, ...transfer, ...sweeps, ...attached, ...nodes, ...settling, ...comparisons },
  ...{ ...users, ...devices, ...presence, ...revocations, ...tokens, ...start, ...changes },
  ...{ ...send, ...inboxRead, ...inboxPeers, ...markRead, ...ownCopies, ...messageRestore },
  ...{ ...adoption, ...unreadCheck, ...deliveries },
}

/** The argument that all calls of a node have in common. */
let context = ''

const setContext = (text: string): void => {
  if (text === context) return
  context = text
  const [shift, self, publish, serverPrefix, channels] = string.match(
    text,
    '^(%Z*)%z(%Z*)%z(%Z*)%z(%Z*)%z(%Z*)$',
  )
  script.shift = tonumber(shift) ?? 0
  script.self = self ?? ''
  script.publish = publish === 'SPUBLISH' ? publish : 'PUBLISH'
  script.serverPrefix = serverPrefix ?? ''
  script.channels = channels ?? ''
}

/** Returns the time of the server's clock, in milliseconds. */
const clock = (): number => {
  const [seconds, microseconds] = redis.call('TIME')
  return (tonumber(seconds) ?? 0) * 1000 + Math.floor((tonumber(microseconds) ?? 0) / 1000)
}

/** Sets what all scripts of a call have in common. */
const beginCall = (context: string | undefined): void => {
  setContext(context ?? '')
  script.now = clock() + script.shift
  // A call of several scripts that was killed has left this.
  call.shared = undefined
}

/** Sets what a script works on. The first item of `args` is the context, and in a call of several scripts the script's name. */
const begin = (keys: string[], args: string[], step: StepRow, kinds: Partial<Record<string, true>>): void => {
  script.given = keys
  const [, prefix, appId, userId, partition, hashed, webhooks] = args
  script.prefix = prefix ?? ''
  script.appId = appId ?? ''
  script.userId = userId ?? ''
  script.partition = partition ?? ''
  script.member = `${script.appId}\0${script.userId}`
  script.events = []
  script.hashed = hashed ?? ''
  script.kinds = kinds
  script.keys = keysOf(script.prefix, script.userId)
  beginCounts()
  beginState(step.effect !== 'reads')
  beginRows()
  beginWebhooks(webhooks ?? '')
}

type AnyScript = (args: string[]) => unknown

/** Runs a script for each partition whose prefix is in the argument. */
const runBatch = (each: AnyScript, args: string[]): unknown[] => {
  const results: unknown[] = []
  for (const prefix of string.gmatch(script.prefix, '%Z+')) {
    script.keys = keysOf(prefix, script.userId)
    results.push(each(args))
  }
  return reply(...results)
}

/** Returns the script of a step, which perhaps only runs a command. */
const scriptOf = (name: StepName, { command, keys: [kind = 'key'], isBatch }: StepRow): AnyScript => {
  if (command === undefined) return scripts[name as ScriptName] as AnyScript
  const runCommand: AnyScript = (args) => redis.call(command as 'HSET', script.keys[kind], ...args)
  return isBatch === true ? runCommand : (args) => reply(runCommand(args))
}

type Run = (keys: string[], args: string[]) => unknown

const runOf = (name: StepName): Run => {
  const step: StepRow = steps[name]
  const kinds: Partial<Record<string, true>> = {}
  for (const kind of step.keys) kinds[kind] = true
  const each = scriptOf(name, step)
  return (keys, all) => {
    begin(keys, all, step, kinds)
    // Lua's stack has room for 8,000 values only.
    const args = all.length < MAX_UNPACKED ? [...unpack(all, COMMON_ARGS + 1)] : all.slice(COMMON_ARGS)
    return step.isBatch === true ? runBatch(each, args) : each(args)
  }
}

const runs: Partial<Record<string, Run>> = {}
for (const [name] of pairs(steps as Readonly<Record<StepName, StepRow>>)) runs[name] = runOf(name)

const runNamed = (name: string, keys: string[], args: string[]): unknown => runs[name]?.(keys, args)

/** Runs a script. */
export const run = (name: string, keys: string[], args: string[]): unknown => {
  beginCall(args[0])
  return runNamed(name, keys, args)
}

/** Runs several scripts (`several.ts`). */
export const runSeveral = (keys: string[], [text, lists, wanted]: string[]): unknown[] => {
  beginCall(text)
  return several(runNamed, keys, lists ?? '', wanted)
}
