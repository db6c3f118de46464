// What the tests run inside Redis: the names of keys, and the decisions of src/engine/decide.
import * as adoption from '../../../../../src/engine/decide/adoption/adoption.js'
import { hasExpired } from '../../../../../src/engine/decide/messages/expired.js'
import * as peerMarks from '../../../../../src/engine/decide/messages/peer-marks.js'
import * as retry from '../../../../../src/engine/decide/messages/retry.js'
import * as share from '../../../../../src/engine/decide/messages/share.js'
import { afterCheck, needsCheck } from '../../../../../src/engine/decide/messages/unread-check.js'
import * as deviceOwner from '../../../../../src/engine/decide/push/device-owner.js'
import * as pushDue from '../../../../../src/engine/decide/push/push-due.js'
import * as revoked from '../../../../../src/engine/decide/revocations/revoked.js'
import * as makeRoom from '../../../../../src/engine/decide/sessions/make-room.js'
import * as session from '../../../../../src/engine/decide/sessions/session.js'
import * as queue from '../../../../../src/engine/decide/webhooks/queue.js'
import type { KeyKind } from '../../../../../src/engine/redis/keys.js'
import { script } from '../../../../../src/engine/redis/scripts/context/context.js'
import { keysOf } from '../../../../../src/engine/redis/scripts/context/key-names.js'

/**
 * Names keys as the scripts of the engine do. The arguments after those that all scripts have are the kinds that it declares, separated by
 * spaces, and then the kinds whose names it returns.
 */
export const nameKeys = (args: string[]): unknown[] => {
  const [context = '', prefix = '', appId = '', userId = '', , hashed = '', , declared = '', ...kinds] = args
  script.serverPrefix = string.match(context, '^%Z*%z%Z*%z%Z*%z(%Z*)')[0] ?? ''
  script.appId = appId
  const known: Partial<Record<string, true>> = {}
  for (const kind of string.gmatch(declared, '%S+')) known[kind] = true
  script.kinds = known
  script.hashed = hashed
  const keys = keysOf(prefix, userId)
  return ['', ...kinds.map((kind) => keys[kind as KeyKind])]
}

type Decision = (...args: unknown[]) => unknown

const decisions = {
  ...{
    ...adoption,
    ...peerMarks,
    ...retry,
    ...share,
    ...revoked,
    ...makeRoom,
    ...session,
    ...queue,
    ...deviceOwner,
    ...pushDue,
  },
  ...{ hasExpired, afterCheck, needsCheck },
} as unknown as Record<string, Decision>

/**
 * Makes a decision. `json` has the decision's arguments by their places, from 1 on, and their number as `n`. A missing one is undefined.
 * Returns what was decided, as JSON, in the member `is`.
 */
export const decide = ([, name = '', json = '']: string[]): string => {
  const args = cjson.decode(json) as Partial<Record<string, unknown>> & { n: number }
  const list: unknown[] = []
  for (let n = 1; n <= args.n; n++) list[n - 1] = args[`${n}`]
  return cjson.encode({ is: decisions[name]?.(...unpack(list, 1, args.n)) })
}
