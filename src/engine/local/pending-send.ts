import type { Message } from '../../protocol/index.js'
import type { EngineEvent, NewMessage } from '../engine.js'
import type { EngineError } from '../errors.js'
import type { Waiter } from './group-commit.js'
import type { IdempotencyKeys, StoredResult } from './idempotency.js'
import type { Inbox } from './inbox.js'
import type { Watermark } from './inbox-row.js'

export type Content = Pick<Message, 'id' | 'from' | 'to' | 'sender' | 'sentAt'> &
  Pick<NewMessage, 'body' | 'data'>

/** Without a spread: V8 makes new hidden classes for each object that has fields behind one. */
export const messageAt = (offset: number, { id, from, to, sender, body, data, sentAt }: Content): Message => {
  const message: Message = { offset, id, from, to, sender, sentAt }
  if (body !== undefined) message.body = body
  if (data) message.data = data
  return message
}

export interface PendingSendOptions {
  content: Content
  /** The message as JSON, without an offset. */
  json: string
  /** Those of the recipient and of the sender, with the message in them. */
  inboxes: readonly Inbox[]
  result: StoredResult
  key: string
  keys: IdempotencyKeys
  emit: (event: EngineEvent) => void
}

/** A message that is being written. When it is synced, readers see it, its events are emitted, and then `synced` resolves. */
export class PendingSend implements Waiter {
  readonly synced: Promise<StoredResult>
  readonly #options: PendingSendOptions
  /** The end of each inbox with the message. */
  readonly #marks: readonly Watermark[]
  #onSynced!: (result: StoredResult) => void
  #onFailed!: (error: EngineError) => void

  constructor(options: PendingSendOptions) {
    this.#options = options
    this.#marks = options.inboxes.map(({ assigned }) => assigned)
    this.synced = new Promise((resolve, reject) => {
      this.#onSynced = resolve
      this.#onFailed = reject
    })
  }

  resolve(): void {
    const { content, json, inboxes, result, key, keys, emit } = this.#options
    const tail = json.slice(1)
    keys.settle(key)
    for (let n = 0; n < inboxes.length; n++) {
      const [inbox, mark] = [inboxes[n], this.#marks[n]]
      if (!inbox || !mark) continue
      inbox.settle(mark)
      const message = messageAt(mark.offset, content)
      // Only the offset differs between the two copies.
      const text = `{"offset":${mark.offset},${tail}`
      emit({ type: 'message', user: inbox.of, epoch: inbox.epoch, message, json: text })
    }
    this.#onSynced(result)
  }

  reject(error: EngineError): void {
    this.#onFailed(error)
  }
}
