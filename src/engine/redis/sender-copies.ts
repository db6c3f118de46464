import type { Retention, UserRef } from '../engine.js'
import type { Reply } from './client/port.js'
import { hashOf } from './keys.js'
import type { Store } from './store.js'

/** A copy that is owed to a sender whose inbox is in another partition. */
export interface SenderCopy {
  from: UserRef
  to: string
  /** Of the message. */
  id: string
  /** The message without its offset; empty if the copy was made, so that only its offset is asked for. */
  json: string
  /** The numbers of the sender's and the recipient's epoch. After a deletion an id is a new one. */
  fromEpoch: number
  toEpoch: number
  /** Milliseconds for which the id makes a retry safe. */
  window: number
}

/** Where a sender's copy is. */
export interface CopyPlace {
  offset: number
  /** The number of the inbox's epoch; 0 if there is no copy. */
  epoch: number
}

/** The note of a copy, as `lua/send.lua` writes it. */
type Note = [
  from: string,
  to: string,
  json: string,
  window: number,
  at: number,
  fromEpoch: number,
  toEpoch: number,
  id: string,
]

const EVERYTHING = { messages: 1_000_000_000, bytes: Infinity }

/** Makes the copies of messages whose sender's inbox is in another partition than the recipient's. */
export class SenderCopies {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** The message in a note; empty if the copy was made already. */
  jsonOf(note: Reply | undefined): string {
    return typeof note === 'string' ? (JSON.parse(note) as Note)[2] : ''
  }

  /** Makes a copy once. */
  async make(
    { from, to, id, json, fromEpoch, toEpoch, window }: SenderCopy,
    { messages, bytes }: Pick<Retention, 'messages' | 'bytes'>,
    noteId: string,
  ): Promise<CopyPlace> {
    const { steps, partitions } = this.#store
    const args = [json, String(fromEpoch), String(Math.ceil(window)), String(messages), String(bytes)]
    const hashed = { copy: hashOf(from.appId, from.userId, to, id, String(fromEpoch), String(toEpoch)) }
    const [offset, epoch] = await this.#store.onUser(steps.copy, from, args, { hashed })
    if (json !== '') {
      const partition = partitions.of({ appId: from.appId, userId: to })
      // Not waited for: the sweep finds a note that stays, and makes no second copy.
      this.#store.onPartition(steps.copyDone, partition, [noteId]).catch(() => undefined)
    }
    return { offset: Number(offset), epoch: Number(epoch) }
  }

  /** Makes the copies that have been owed for `age` milliseconds, because their node was stopped. */
  async makeOwed(partition: number, age: number): Promise<void> {
    const list = await this.#store.onPartition(this.#store.steps.owedCopies, partition, [String(age)])
    for (let n = 0; n + 1 < list.length; n += 2) {
      const [appId = '', ...note] = String(list[n + 1]).split('\0')
      const [from, to, json, window, , fromEpoch, toEpoch, id] = JSON.parse(note.join('\0')) as Note
      const copy = { from: { appId, userId: from }, to, id, json, fromEpoch, toEpoch, window }
      await this.make(copy, EVERYTHING, String(list[n]))
    }
  }
}
