import { isGuestId } from '../../../protocol/index.js'
import type { CheckedMessage, SendRules, UserRef } from '../../engine.js'
import { contentDigest } from '../../util/content-digest.js'
import { hashOf } from '../keys.js'
import type { RecentMessage } from './recent-messages.js'
import type { RunOptions, StepRunner } from '../step-runner.js'

/** What the step that sends a message has returned. */
interface Stored {
  readonly offset: number
  /** The number of the recipient's epoch. */
  readonly epoch: number
  /** The place of the sender's own copy, with the offset 0 if the step has made none. */
  readonly own: { offset: number; epoch: number }
  readonly sentAt: number
  /** The message's JSON; null if it has the profile of this object. */
  readonly json: string | null
  /** The value of the key `id`. */
  readonly found: string
}

/** Returns the milliseconds for which a message's id makes a retry safe. */
const windowOf = ({ sendWindow }: SendRules): string => String(Math.max(1, Math.ceil(sendWindow)))

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
  readonly #content: readonly string[]
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
    const prefix =
      this.sender && mode === 'here' ? runner.keys.prefixes[runner.partitions.of(this.sender)] : ''
    const hashed = `id:${hashOf(appId, to, from, id)}` as const
    this.keys = mode === 'here' && from !== null ? { hashed, from } : { hashed }
    // The script adds the sender's profile between `head` and `tail`, and the time after `tail`.
    const head = `{"id":${JSON.stringify(id)},"from":${JSON.stringify(from)},"to":${JSON.stringify(to)},"sender":`
    const tail =
      (body === undefined ? '' : `,"body":${JSON.stringify(body)}`) +
      (data === undefined ? '' : `,"data":${JSON.stringify(data)}`) +
      ',"sentAt":'
    this.#content = [mode, from ?? '', prefix ?? '', head, tail, contentDigest(message.original ?? message)]
  }

  /** Returns the message for the user who has adopted the recipient. */
  redirectedTo(userId: string): Outgoing {
    return new Outgoing(this.#runner, { ...this.#message, to: userId })
  }

  /**
   * Returns the first arguments of the step that sends the message. `quota` is what other partitions leave of the app's quota. If `onlyFinds`
   * is true, the step looks the message up, and stores nothing.
   */
  args(rules: SendRules, quota: SendRules['quota'], onlyFinds: boolean): string[] {
    return [...this.#content, this.#rulesOf(rules, onlyFinds), String(quota.inboxes), String(quota.bytes)]
  }

  /** About how many bytes the message takes. */
  get bytes(): number {
    return this.#content.reduce((sum, text) => sum + text.length, 0)
  }

  /** Returns what stores the message again. `stored` is what the step has returned. */
  recent(rules: SendRules, { offset, epoch, own, sentAt, json, found }: Stored): RecentMessage {
    const { recipient: of, sender, traceparent, keys } = this
    const [, , prefix = '', head, tail] = this.#content
    return {
      ...{ of, epoch, offset, from: sender?.userId ?? '', to: of.userId, traceparent },
      json: json ?? `${head}${this.profile}${tail}${sentAt}}`,
      rules: this.#rulesOf(rules, false),
      found: { hashed: keys.hashed ?? 'id:', value: found, keptFor: windowOf(rules) },
      own: prefix === '' ? undefined : { prefix, ...own },
    }
  }

  /** Returns the rules in the form in which `lua/rules.lua` reads them. */
  #rulesOf(rules: SendRules, onlyFinds: boolean): string {
    const { messages, bytes, age } = rules.retention
    const createsRecipient = rules.unknownRecipients && !isGuestId(this.recipient.userId) ? 1 : 0
    return `${windowOf(rules)} ${createsRecipient} ${messages} ${bytes} ${age} ${rules.unreadPerSender} ${rules.pushAfter ?? '-'} ${onlyFinds ? 1 : 0}`
  }
}
