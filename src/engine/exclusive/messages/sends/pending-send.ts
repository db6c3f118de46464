import type { Message } from '../../../../protocol/index.js'
import type { EngineEvent, CheckedMessage } from '../../../engine.js'
import type { EngineError } from '../../../errors.js'
import type { Waiter } from '../../store/group-commit.js'
import type { StoredResult } from '../ids/idempotency.js'
import type { Inbox } from '../inbox.js'
import type { Watermark } from '../inbox-row.js'

export type Content = Pick<Message, 'id' | 'from' | 'to' | 'sender' | 'sentAt'> &
  Pick<CheckedMessage, 'body' | 'data'>

export const messageAt = (offset: number, { id, from, to, sender, body, data, sentAt }: Content): Message => {
  const message: Message = { offset, id, from, to, sender, sentAt }
  if (body !== undefined) message.body = body
  if (data) message.data = data
  return message
}

/** The inbox of the recipient, and that of the sender if it is another inbox. */
export type SentInboxes = readonly [recipient: Inbox] | readonly [recipient: Inbox, sender: Inbox]

interface PendingSendOptions {
  content: Content
  /** The message as JSON, without an offset. */
  json: string
  /** The inboxes, to which the message is appended already. */
  inboxes: SentInboxes
  result: StoredResult
  emit: (event: EngineEvent) => void
}

/** A message that is being written. When it is synced, readers see it, its events are emitted, and then `synced` resolves. */
export class PendingSend implements Waiter {
  readonly synced: Promise<StoredResult>
  readonly #content: Content
  readonly #json: string
  readonly #inboxes: SentInboxes
  readonly #result: StoredResult
  readonly #emit: (event: EngineEvent) => void
  /** The watermarks of the recipient's and the sender's inbox after this message. */
  readonly #mark: Watermark
  readonly #ownMark: Watermark
  #onSynced!: (result: StoredResult) => void
  #onFailed!: (error: EngineError) => void

  constructor({ content, json, inboxes, result, emit }: PendingSendOptions) {
    const [inbox, own = inbox] = inboxes
    this.#content = content
    this.#json = json
    this.#inboxes = inboxes
    this.#result = result
    this.#emit = emit
    this.#mark = inbox.assigned
    this.#ownMark = own.assigned
    this.synced = new Promise((resolve, reject) => {
      this.#onSynced = resolve
      this.#onFailed = reject
    })
  }

  resolve(): void {
    const [inbox, own] = this.#inboxes
    const tail = this.#json.slice(1)
    this.#publish(inbox, this.#mark, tail)
    if (own) this.#publish(own, this.#ownMark, tail)
    this.#onSynced(this.#result)
  }

  reject(error: EngineError): void {
    this.#onFailed(error)
  }

  #publish(inbox: Inbox, mark: Watermark, tail: string): void {
    inbox.publish(mark)
    const message = messageAt(mark.offset, this.#content)
    // The recipient's message and the sender's own copy differ only in their offsets.
    const json = `{"offset":${mark.offset},${tail}`
    this.#emit({ type: 'message', user: inbox.of, epoch: inbox.epoch, message, json })
  }
}
