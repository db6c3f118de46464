import type { CheckedMessage, SendResult } from '../../../engine.js'
import { rows } from '../../store/rows.js'

type Send = () => Promise<SendResult>

interface WaitingSend {
  /** The rows of the recipient's inbox and of the sender's. */
  readonly inboxes: readonly string[]
  readonly send: Send
  readonly resolve: (result: Promise<SendResult>) => void
  readonly reject: (reason: unknown) => void
  isReady: boolean
}

const inboxesOf = ({ appId, from, to }: CheckedMessage): string[] =>
  (from === null ? [to] : [to, from]).map((userId) => rows.inbox({ appId, userId }))

/**
 * The messages that can't be stored yet, in their order. A later message to or from one of their users waits, too, so that no message is
 * overtaken. A message waits only for earlier ones, so no two messages wait for each other.
 */
export class WaitingSends {
  #waiting: WaitingSend[] = []
  /** The rows of the inboxes to which waiting messages belong. */
  readonly #blocked = new Set<string>()

  /** Returns whether the message would overtake a waiting one. */
  blocks(message: CheckedMessage): boolean {
    return this.#blocked.size > 0 && inboxesOf(message).some((row) => this.#blocked.has(row))
  }

  /** Calls `send` when no earlier message of the same users waits, and resolves with the result. */
  queue(message: CheckedMessage, send: Send): Promise<SendResult> {
    return new Promise((resolve, reject) => {
      this.#add({ inboxes: inboxesOf(message), send, resolve, reject, isReady: true })
    })
  }

  /** As `queue`, but only after `wait` has resolved. Rejects if `wait` rejects. */
  after(wait: Promise<unknown>, message: CheckedMessage, send: Send): Promise<SendResult> {
    return new Promise((resolve, reject) => {
      const waiting: WaitingSend = {
        inboxes: inboxesOf(message),
        send: () => (isWaitOver ? send() : wait.then(send)),
        resolve,
        reject,
        isReady: false,
      }
      let isWaitOver = false
      const onWaited = (): void => {
        waiting.isReady = true
        this.#sendReady()
      }
      const onResolved = (): void => {
        isWaitOver = true
        onWaited()
      }
      this.#add(waiting)
      wait.then(onResolved, onWaited)
    })
  }

  #add(waiting: WaitingSend): void {
    this.#waiting.push(waiting)
    for (const row of waiting.inboxes) this.#blocked.add(row)
  }

  /** Sends the ready messages in their order, unless an earlier one still blocks them. A message that waits again keeps its place. */
  #sendReady(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#blocked.clear()
    for (const each of waiting)
      if (!each.isReady || each.inboxes.some((row) => this.#blocked.has(row))) this.#add(each)
      else
        try {
          each.resolve(each.send())
        } catch (error) {
          each.reject(error)
        }
  }
}
