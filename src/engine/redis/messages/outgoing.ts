import { isGuestId } from '../../../protocol/index.js'
import type { CheckedMessage, SendRules, UserRef } from '../../engine.js'
import { contentDigest } from '../../util/content-digest.js'
import { hashOf } from '../keys.js'
import type { RecentMessage } from './recent-messages.js'
import type { SendArgs, SenderReply, StoredReply } from '../calls/send.js'
import type { RunOptions, StepRunner } from '../step-runner.js'

/**
 * What one attempt to send a message has of its own. The rules are not part of it: to copy them for each attempt took a twentieth of the
 * time that sending a message takes.
 */
export interface Attempt {
  /** When the recipient was created; undefined if the message is for whoever has the id. */
  readonly createdAt: number | undefined
  /** Undefined if there is no limit, or if an earlier attempt has counted the message. */
  readonly messagesPerSecond: number | undefined
  /** What other partitions leave of the app's quota. */
  readonly quota: SendRules['quota']
  /** Whether the message is only looked up. @default false */
  readonly onlyFinds?: boolean
}

/** Those of `SendArgs` that are the same in each attempt. */
type Content = Readonly<Record<'from' | 'senderPrefix' | 'head' | 'middle' | 'digest', string>>

/** Returns the hashed key of a message's id. In a cluster the pending own copy of the message has this name, too. */
export const messageKey = (appId: string, from: string | null, to: string, id: string) =>
  `id:${hashOf(appId, to, from, id)}` as const

/** Returns the milliseconds for which a message's id makes a retry safe. */
const windowOf = ({ sendWindow }: SendRules): number => Math.max(1, Math.ceil(sendWindow))

/** Returns the numbers in `found` of a `StoredReply`. */
export const foundIn = (found: string) => {
  const numbers = found.split(' ').map(Number)
  const [, offset = 0, ownOffset = 0, sentAt = 0, toDeletions = 0, fromDeletions = 0] = numbers
  return { offset, ownOffset, sentAt, toDeletions, fromDeletions }
}

/** A message to send, independent of the caller's object, which may change later. */
export class Outgoing {
  readonly id: string
  readonly recipient: UserRef
  /** The recipient's partition. */
  readonly partition: number
  /** Null for the app's backend. */
  readonly sender: UserRef | null
  /** Whether a second step makes the own copy. This is so in a cluster, where another server may have the sender's inbox. */
  readonly isAway: boolean
  /** As JSON: the member `traceparent` of the event that reports the message, with a comma before it; empty if there is none. */
  readonly traceparent: string
  /** As JSON: the profile that the message carries; undefined if that is the profile of the sending user. */
  readonly profile: string | undefined
  /** The hashed key of the step, and the sender if the step also changes the sender's inbox. */
  readonly keys: RunOptions
  readonly #content: Content
  readonly #runner: StepRunner
  readonly #message: CheckedMessage

  constructor(runner: StepRunner, message: CheckedMessage) {
    const { appId, id, from, to, body, data, traceparent } = message
    this.id = id
    this.profile = message.sender === undefined ? undefined : JSON.stringify(message.sender)
    this.traceparent = traceparent === undefined ? '' : `,"traceparent":${JSON.stringify(traceparent)}`
    this.#runner = runner
    // Only a message to a guest needs a copy, for `redirectedTo`: it may go to the user who has adopted the guest.
    this.#message = isGuestId(to) ? structuredClone(message) : message
    this.recipient = { appId, userId: to }
    this.partition = runner.partitions.of(this.recipient)
    this.sender = from === null ? null : { appId, userId: from }
    this.isAway = runner.isCluster && from !== null && from !== to
    const isHere = from !== null && from !== to && !this.isAway
    const senderPrefix = isHere ? runner.keys.prefixes[runner.partitions.of({ appId, userId: from })] : ''
    const hashed = messageKey(appId, from, to, id)
    this.keys = isHere ? { hashed, from } : { hashed }
    const head = `{"id":${JSON.stringify(id)},"from":${JSON.stringify(from)},"to":${JSON.stringify(to)},"sender":`
    const middle =
      (body === undefined ? '' : `,"body":${JSON.stringify(body)}`) +
      (data === undefined ? '' : `,"data":${JSON.stringify(data)}`) +
      ',"sentAt":'
    const digest = contentDigest(message.original ?? message)
    this.#content = { from: from ?? '', senderPrefix: senderPrefix ?? '', head, middle, digest }
  }

  /** Returns the message for the user who has adopted the recipient. */
  redirectedTo(userId: string): Outgoing {
    return new Outgoing(this.#runner, { ...this.#message, to: userId })
  }

  /**
   * Returns the arguments of the step that sends the message. `read` is what the step `readSender` has returned, for a message that
   * `isAway`: that step has counted it.
   */
  args(rules: SendRules, attempt: Attempt, read?: SenderReply): SendArgs {
    const { quota, createdAt, onlyFinds = false } = attempt
    const { from, senderPrefix, head, middle, digest } = this.#content
    const [, profile, senderDeletions, isNew, isMissing] = read ?? [0]
    const perSecond = this.isAway ? null : this.rateIn(attempt)
    // prettier-ignore
    const args = [
      from, senderPrefix, head, middle, digest, this.#rulesOf(rules, onlyFinds), quota.inboxes, quota.bytes,
      perSecond, createdAt, quota.bytesPerSender, this.traceparent, this.profile ?? profile,
    ] as const
    return this.isAway ? [...args, senderDeletions, isNew, isMissing] : args
  }

  /** How many messages the sender may send in a second; null or undefined for no limit. */
  rateIn({ messagesPerSecond }: Pick<Attempt, 'messagesPerSecond'>): number | null | undefined {
    return this.sender && messagesPerSecond
  }

  /** Returns what stores the message again. `reply` is that of the step, and `found` is what `foundIn` returns for it. */
  recent(rules: SendRules, reply: StoredReply, found: ReturnType<typeof foundIn>): RecentMessage {
    const { recipient: of, keys, traceparent } = this
    const { from, senderPrefix, head, middle } = this.#content
    const [, record, epoch, ownEpoch, whole] = reply
    const { offset, ownOffset, sentAt } = found
    const json = whole === '' ? `${head}${this.profile}${middle}${sentAt}}` : whole
    const words = this.#rulesOf(rules, false)
    // prettier-ignore
    const args = [
      epoch, offset, json, from, of.userId, words, traceparent, record, senderPrefix, ownEpoch, ownOffset,
    ] as const
    return { of, hashed: keys.hashed ?? 'id:', args }
  }

  /** Returns the rules in the form in which `rulesOf` in `scripts/messages/rules.ts` reads them. */
  #rulesOf(rules: SendRules, onlyFinds: boolean): string {
    const { messages, bytes, age } = rules.retention
    const createsRecipient = rules.unknownRecipients && !isGuestId(this.recipient.userId) ? 1 : 0
    return `${windowOf(rules)} ${createsRecipient} ${messages} ${bytes} ${age} ${rules.unreadPerSender} ${rules.pushAfter ?? '-'} ${onlyFinds ? 1 : 0}`
  }
}
