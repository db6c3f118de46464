import { isGuestId } from '../../../protocol/index.js'
import type { CheckedMessage, SendRules, UserRef } from '../../engine.js'
import { contentDigest } from '../../util/content-digest.js'
import type { Reply } from '../client/port.js'
import { hashOf } from '../keys.js'
import { awayArgs, sendArgs, type Sent } from '../lua/send-call.js'
import type { RecentMessage } from './recent-messages.js'
import type { Arg, RunOptions, StepRunner } from '../step-runner.js'

/**
 * What one attempt to send a message has of its own. The rules are not part of it: to copy them for each attempt took a twentieth of the
 * time that sending a message takes.
 */
export interface Attempt {
  /** When the recipient was created; empty if the message is for whoever has the id. */
  readonly createdAt: string
  /** Undefined if there is no limit, or if an earlier attempt has counted the message. */
  readonly messagesPerSecond: number | undefined
  /** What other partitions leave of the app's quota. */
  readonly quota: SendRules['quota']
  /** Whether the message is only looked up. @default false */
  readonly onlyFinds?: boolean
}

/** Returns the milliseconds for which a message's id makes a retry safe. */
const windowOf = ({ sendWindow }: SendRules): number => Math.max(1, Math.ceil(sendWindow))

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
  /** The field of the pending own copy in the hash `ownCopies` of the recipient's partition; empty if `isAway` is false. */
  readonly noteId: string
  /** As JSON: the member `traceparent` of the event that reports the message, with a comma before it; empty if there is none. */
  readonly traceparent: string
  /** As JSON: the profile that the message carries; undefined if that is the profile of the sending user. */
  readonly profile: string | undefined
  /** The hashed key of the step, and the sender if the step also changes the sender's inbox. */
  readonly keys: RunOptions
  readonly #content: Record<'mode' | 'from' | 'senderPrefix' | 'head' | 'middle' | 'digest', string>
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
    this.noteId = this.isAway ? hashOf(appId, from, to, id) : ''
    const mode = from === null ? 'none' : from === to ? 'self' : this.isAway ? 'away' : 'here'
    const senderPrefix =
      (this.sender && mode === 'here' && runner.keys.prefixes[runner.partitions.of(this.sender)]) || ''
    const hashed = `id:${hashOf(appId, to, from, id)}` as const
    this.keys = mode === 'here' && from !== null ? { hashed, from } : { hashed }
    const head = `{"id":${JSON.stringify(id)},"from":${JSON.stringify(from)},"to":${JSON.stringify(to)},"sender":`
    const middle =
      (body === undefined ? '' : `,"body":${JSON.stringify(body)}`) +
      (data === undefined ? '' : `,"data":${JSON.stringify(data)}`) +
      ',"sentAt":'
    const digest = contentDigest(message.original ?? message)
    this.#content = { mode, from: from ?? '', senderPrefix, head, middle, digest }
  }

  /** Returns the message for the user who has adopted the recipient. */
  redirectedTo(userId: string): Outgoing {
    return new Outgoing(this.#runner, { ...this.#message, to: userId })
  }

  /**
   * Returns the arguments of the step that sends the message. `read` is what the step `readSender` has returned, for a message that `isAway`:
   * that step has counted it.
   */
  args(rules: SendRules, attempt: Attempt, read: readonly Reply[] = []): Arg[] {
    const { quota, createdAt, onlyFinds = false } = attempt
    const [, profile, senderDeletions, isNew, isMissing] = read as readonly Arg[]
    const args: Record<(typeof sendArgs)[number], Arg> = {
      ...this.#content,
      words: this.#rulesOf(rules, onlyFinds),
      maxInboxes: quota.inboxes,
      maxBytes: quota.bytes,
      perSecond: this.isAway ? null : this.rateIn(attempt),
      createdAt,
      maxHeld: quota.bytesPerSender,
      traceparent: this.traceparent,
      profile: this.profile ?? profile,
    }
    const list = sendArgs.map((name) => args[name])
    if (!this.isAway) return list
    const away: Record<(typeof awayArgs)[number], Arg> = {
      ...{ note: this.noteId, id: this.id, senderDeletions, isNew, isMissing },
    }
    return [...list, ...awayArgs.map((name) => away[name])]
  }

  /** How many messages the sender may send in a second; null or undefined for no limit. */
  rateIn({ messagesPerSecond }: Pick<Attempt, 'messagesPerSecond'>): number | null | undefined {
    return this.sender && messagesPerSecond
  }

  /** About how many bytes the message takes. */
  get bytes(): number {
    return Object.values(this.#content).reduce((sum, text) => sum + text.length, 0)
  }

  /** Returns what stores the message again. `stored` is what the step has returned. */
  recent(rules: SendRules, stored: Sent): RecentMessage {
    const { recipient: of, sender, traceparent, keys } = this
    const { senderPrefix: prefix, head, middle } = this.#content
    const { json, sentAt, found } = stored
    return {
      ...{ of, epoch: Number(stored.epoch), offset: Number(stored.offset) },
      ...{ from: sender?.userId ?? '', to: of.userId, traceparent },
      json: json === null ? `${head}${this.profile}${middle}${Number(sentAt)}}` : String(json),
      rules: this.#rulesOf(rules, false),
      found: { hashed: keys.hashed ?? 'id:', value: String(found), keptFor: windowOf(rules) },
      own:
        prefix === ''
          ? undefined
          : { prefix, offset: Number(stored.ownOffset), epoch: Number(stored.ownEpoch) },
    }
  }

  /** Returns the rules in the form in which `lua/rules.lua` reads them. */
  #rulesOf(rules: SendRules, onlyFinds: boolean): string {
    const { messages, bytes, age } = rules.retention
    const createsRecipient = rules.unknownRecipients && !isGuestId(this.recipient.userId) ? 1 : 0
    return `${windowOf(rules)} ${createsRecipient} ${messages} ${bytes} ${age} ${rules.unreadPerSender} ${rules.pushAfter ?? '-'} ${onlyFinds ? 1 : 0}`
  }
}
