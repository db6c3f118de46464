import type { Message } from '../../../protocol/index.js'
import type { Retention, UserRef } from '../../engine.js'
import { adoptedJson } from '../../util/adopted-json.js'
import { EngineError } from '../../errors.js'
import { isOfServer } from '../client/failures.js'
import { hashOf } from '../keys.js'
import { messageKey } from './outgoing.js'
import type { RecentMessages } from './recent-messages.js'
import type { StepRunner } from '../step-runner.js'
import type { Takes } from '../steps.js'

/** For how many milliseconds an own copy can be found longer than its message. */
const FOUND_LONGER = 60_000

/** After this many failures the other own copies stay pending for now, because very many may be pending while a server is away. */
const MAX_FAILURES = 8

/** The sender's own copy of a message in a cluster, where the sender's inbox may be in another partition than the recipient's. */
export interface OwnCopy {
  from: UserRef
  to: string
  /** The id of the message. */
  id: string
  /** The message without its offset. */
  json: string
  /** How many inboxes of the sender and of the recipient were deleted. After a further deletion of either, the id counts as new. */
  fromDeletions: number
  toDeletions: number
  /** Milliseconds for which the id makes a retry safe. */
  window: number
}

/** Where an own copy is. */
export interface OwnCopyPlace {
  offset: number
  /** The number of the inbox's epoch; 0 if there is no own copy, or if it is in the inbox of a user who has adopted the sender. */
  epoch: number
}

/** What the script `send` writes about a pending own copy into the recipient's partition. */
type Note = [at: number, window: number, fromDeletions: number, toDeletions: number, json: string]

const EVERYTHING = { messages: 1_000_000_000, bytes: Infinity }

/** Makes own copies in a cluster. */
export class OwnCopies {
  readonly #runner: StepRunner
  readonly #recent: RecentMessages | undefined

  constructor(runner: StepRunner, recent?: RecentMessages) {
    this.#runner = runner
    this.#recent = recent
  }

  /**
   * Makes an own copy, unless the sender's inbox has it. A repeated send calls `make`, too, because a failover may have lost the own copy.
   */
  async make(
    { from, to, id, json, fromDeletions, toDeletions, window }: OwnCopy,
    { messages, bytes }: Pick<Retention, 'messages' | 'bytes'>,
  ): Promise<OwnCopyPlace> {
    const { steps, partitions } = this.#runner
    const keptFor = Math.ceil(window + FOUND_LONGER)
    const limits = [keptFor, Math.ceil(messages), Math.ceil(bytes)] as const
    const hash = hashOf(from.appId, from.userId, to, id, String(fromDeletions), String(toDeletions))
    const hashed = `own:${hash}` as const
    const args = [json, to, fromDeletions, ...limits, null] as const
    const made = await this.#runner.onUser(steps.makeOwnCopy, from, args, { hashed })
    const place =
      made[0] === 'adopted'
        ? { offset: await this.#makeForAdopter(made, from, args, hashed), epoch: 0 }
        : { offset: made[1], epoch: made[2] }
    const partition = partitions.of({ appId: from.appId, userId: to })
    // The send does not wait until the `Note` is deleted. If the `Note` stays, `makePending` finds it, and makes no second own copy.
    const note = messageKey(from.appId, from.userId, to, id)
    this.#runner.onPartition(steps.ownCopyMade, partition, [note]).catch(() => undefined)
    if (place.epoch > 0) {
      const rules = `${keptFor} 0 ${limits[1]} ${limits[2]} 0 0 - 0`
      const message = [place.epoch, place.offset, json, from.userId, to, rules] as const
      this.#recent?.note({ of: from, hashed, args: [...message, '', String(place.offset), '', 0, 0] })
    }
    return place
  }

  /**
   * Makes the own copy for a sender whom a user has adopted since. The own copy goes into that user's inbox. Returns its offset,
   * which no epoch of the guest's inbox has.
   */
  async #makeForAdopter(
    [, by, createdAt]: [outcome: 'adopted', by: string, createdAt: number],
    { appId, userId: guest }: UserRef,
    [json, , , keptFor, messages, bytes]: Takes<'makeOwnCopy'>,
    hashed: `own:${string}`,
  ): Promise<number> {
    const { json: adopted, content } = adoptedJson(JSON.parse(json) as Message, guest, by)
    const args = [adopted, content.to, null, keptFor, messages, bytes, createdAt] as const
    const { makeOwnCopy } = this.#runner.steps
    const [outcome, offset] = await this.#runner.onUser(makeOwnCopy, { appId, userId: by }, args, { hashed })
    return outcome === 'copied' ? offset : 0
  }

  /**
   * Makes the own copies that have been pending for `age` milliseconds, for example because their node has stopped. The senders may be on
   * several servers, so a server that is away does not stop the copies of senders in other partitions. If an own copy failed, `makePending`
   * rejects at the end.
   */
  async makePending(partition: number, age: number): Promise<void> {
    const list = await this.#runner.onPartition(this.#runner.steps.pendingOwnCopies, partition, [age])
    const away = new Set<number>()
    const failures: unknown[] = []
    for (const value of list) {
      if (away.size >= MAX_FAILURES) break
      let sendersPartition = partition
      try {
        const [appId = '', ...note] = value.split('\0')
        const [, window, fromDeletions, toDeletions, json] = JSON.parse(note.join('\0')) as Note
        const { from, to, id } = JSON.parse(json) as Message & { id: string }
        const sender = { appId, userId: String(from) }
        const copy = { from: sender, to, id, json, fromDeletions, toDeletions, window }
        sendersPartition = this.#runner.partitions.of(sender)
        if (!away.has(sendersPartition)) await this.make(copy, EVERYTHING)
      } catch (error) {
        failures.push(error)
        // Bad data of one sender, or a bad note, stop no other copy.
        if (error instanceof EngineError && isOfServer(error)) away.add(sendersPartition)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
