import type { Message } from '../../protocol/index.js'
import type {
  InboxState,
  MessagePage,
  CheckedMessage,
  Position,
  SendResult,
  SendRules,
  UserRef,
} from '../engine.js'
import type { Reply } from './client/port.js'
import { Outgoing } from './outgoing.js'
import type { Quotas } from './quotas.js'
import { SendOrder } from './send-order.js'
import { SenderCopies, type CopyPlace } from './sender-copies.js'
import type { Store } from './store.js'

/** `Infinity` is no argument for Redis. */
const countOf = (limit: number): string => String(Math.min(limit, 1_000_000))

/** Called with the place of a sender's copy before its offset is returned. */
export type OnCopy = (sender: UserRef, place: CopyPlace) => void

/** Sends messages, and reads inboxes. */
export class Inboxes {
  readonly copies: SenderCopies
  readonly #store: Store
  readonly #quotas: Quotas
  readonly #onCopy: OnCopy
  readonly #order = new SendOrder()

  constructor(store: Store, quotas: Quotas, onCopy: OnCopy) {
    this.#store = store
    this.#quotas = quotas
    this.#onCopy = onCopy
    this.copies = new SenderCopies(store)
  }

  send(message: CheckedMessage, rules: SendRules): Promise<SendResult> {
    const outgoing = new Outgoing(this.#store, message)
    const send = (): Promise<SendResult> => this.#sendWithin(outgoing, rules)
    const { appId, from } = message
    return from === null ? send() : this.#order.run(`${appId}\0${from}`, send)
  }

  async state(of: UserRef): Promise<InboxState> {
    return this.#stateOf(of, await this.#store.onUser(this.#store.steps.inboxState, of, []))
  }

  async after(of: UserRef, { epoch, offset }: Position, limit: number): Promise<MessagePage> {
    const [, newest, isComparable, next, found] = await this.#store.onUser(
      this.#store.steps.messagesAfter,
      of,
      [String(this.#store.epochNumber(of, epoch)), String(offset), countOf(limit)],
    )
    const messages = (found as string[]).map((json) => JSON.parse(json) as Message)
    const first = messages[0]?.offset ?? Math.max(Number(next), Number(newest) + 1)
    return { messages, lost: isComparable !== 1 || first > offset + 1 }
  }

  async before(
    of: UserRef,
    { epoch, offset }: { epoch: string; offset: number | null },
    limit: number,
  ): Promise<Message[] | null> {
    const [isComparable, found] = await this.#store.onUser(this.#store.steps.messagesBefore, of, [
      String(this.#store.epochNumber(of, epoch)),
      String(offset ?? ''),
      countOf(limit),
    ])
    return isComparable === 1 ? (found as string[]).map((json) => JSON.parse(json) as Message) : null
  }

  async markRead(of: UserRef, { epoch, offset }: Position): Promise<InboxState | null> {
    const [isComparable, ...state] = await this.#store.onUser(this.#store.steps.markRead, of, [
      String(this.#store.epochNumber(of, epoch)),
      String(offset),
    ])
    return isComparable === 1 ? this.#stateOf(of, state) : null
  }

  /** Sends a message within what other partitions leave of the app's quota. */
  async #sendWithin(outgoing: Outgoing, rules: SendRules): Promise<SendResult> {
    const { recipient, sender } = outgoing
    const partition = this.#store.partitions.of(recipient)
    const sendOnce = async (isAtLimit: boolean): Promise<SendResult> => {
      // The first try has counted the message.
      const messagesPerSecond = isAtLimit ? undefined : rules.messagesPerSecond
      const { inboxes, bytes } = await this.#quotas.others(recipient.appId, partition, isAtLimit)
      const quota = { inboxes: rules.quota.inboxes - inboxes, bytes: rules.quota.bytes - bytes }
      return this.#send(outgoing, { ...rules, messagesPerSecond, quota })
    }
    const sent = await sendOnce(false)
    if (sent.outcome !== 'full') return sent
    if (outgoing.isAway && sender) {
      const { messages, bytes, age } = rules.retention
      await this.#store.onUser(this.#store.steps.trimInbox, sender, [messages, bytes, age].map(String))
    }
    return sendOnce(true)
  }

  async #send(outgoing: Outgoing, rules: SendRules): Promise<SendResult> {
    const { steps } = this.#store
    const { recipient, sender, isAway, noteId } = outgoing
    const rate = sender && rules.messagesPerSecond !== undefined ? String(rules.messagesPerSecond) : ''
    const [wait = 0, profile = '', epoch = '', isNew = ''] =
      isAway && sender ? await this.#store.onUser(steps.readSender, sender, [rate]) : []
    if (Number(wait) > 0) return { outcome: 'limited', retryAfter: Number(wait) }
    const args = [
      ...[...outgoing.args(rules), String(profile), String(epoch), String(isNew), noteId, outgoing.id],
      // The step before has counted a message whose sender is in another partition.
      isAway ? '' : rate,
    ]
    const [outcome, offset, ownOffset, sentAt, toEpoch, owed, ownEpoch] = await this.#store.onUser(
      steps.send,
      recipient,
      args,
      outgoing.keys,
    )
    if (outcome === 'limited') return { outcome, retryAfter: Number(offset) }
    if (outcome !== 'stored' && outcome !== 'repeated')
      return { outcome: outcome as 'conflict' | 'unknown-user' | 'full' | 'refused' }
    const result = { outcome, offset: Number(offset), sentAt: Number(sentAt) } as const
    if (!sender) return { ...result, ownOffset: null }
    // Offsets are positive. If the message was sent before the keys moved into a cluster, its step made the copy.
    const place =
      Number(ownOffset) > 0
        ? { offset: Number(ownOffset), epoch: Number(ownEpoch ?? 0) }
        : await this.copies.make(
            {
              ...{ from: sender, to: recipient.userId, id: outgoing.id, window: rules.sendWindow },
              ...{ fromEpoch: Number(epoch), toEpoch: Number(toEpoch) },
              json: outcome === 'stored' ? String(owed) : this.copies.jsonOf(owed),
            },
            rules.retention,
            noteId,
          )
    this.#onCopy(sender, place)
    return { ...result, ownOffset: place.offset }
  }

  #stateOf(of: UserRef, [epoch, offset, readOffset, unread]: readonly Reply[]): InboxState {
    return {
      epoch: this.#store.epochBase(of) + String(epoch),
      offset: Number(offset),
      readOffset: Number(readOffset),
      unread: Number(unread),
    }
  }
}
