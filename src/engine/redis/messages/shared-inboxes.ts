import { isGuestId } from '../../../protocol/index.js'
import type { InboxState, CheckedMessage, Position, SendResult, SendRules, UserRef } from '../../engine.js'
import { foundIn, Outgoing, type Attempt } from './outgoing.js'
import { HeldBytes } from './held-bytes.js'
import type { AttachedUsers } from './attached-users.js'
import type { RecentMessages } from './recent-messages.js'
import type { Quotas } from '../quotas.js'
import type { StoredReply } from '../calls/send.js'
import { SendLanes } from './send-lanes.js'
import { OwnCopies } from './own-copies.js'
import { callId, type StepRunner } from '../step-runner.js'

/** The user who has adopted the recipient of a message, and when that user was created. */
interface Adopted {
  outcome: 'adopted'
  by: string
  createdAt: number
}

export interface SharedInboxesOptions {
  runner: StepRunner
  quotas: Quotas
  /** Creates a sender who does not exist. */
  createUser: (of: UserRef) => Promise<unknown>
  attached: AttachedUsers
  recent: RecentMessages
  onError: (error: unknown) => void
}

/** A message that waits in a lane. */
interface ToSend {
  outgoing: Outgoing
  rules: SendRules
}

/** Sends messages, and marks them as read. */
export class SharedInboxes {
  readonly ownCopies: OwnCopies
  readonly #runner: StepRunner
  readonly #options: SharedInboxesOptions
  readonly #held: HeldBytes
  readonly #lanes = new SendLanes<ToSend>((sends, done) => this.#sendFirst(sends, done))
  /** The deletions that run in the background. */
  readonly #trims = new Set<Promise<void>>()
  #isStopped = false

  constructor(options: SharedInboxesOptions) {
    this.#options = options
    this.#runner = options.runner
    this.ownCopies = new OwnCopies(options.runner, options.recent)
    this.#held = new HeldBytes(options.runner)
  }

  send(message: CheckedMessage, rules: SendRules): Promise<SendResult> {
    const outgoing = new Outgoing(this.#runner, message)
    const { appId, from } = message
    return from === null
      ? this.#sendWithin(outgoing, rules)
      : this.#lanes.send(`${appId}\0${from}`, { outgoing, rules })
  }

  findSent(message: CheckedMessage, rules: SendRules): Promise<SendResult | null> {
    return this.#find(new Outgoing(this.#runner, message), rules)
  }

  async markRead(of: UserRef, { epoch, offset }: Position): Promise<InboxState | null> {
    const args = [this.#runner.epochs.numberOf(of, epoch), offset] as const
    const options = { changes: { mark: true } }
    for (;;) {
      const reply = await this.#runner.onUser(this.#runner.steps.markRead, of, args, options)
      if (reply[0] === 0) return null
      const [, isUnfinished, , , ...state] = reply
      if (isUnfinished === 0) return this.#runner.epochs.inboxOf(of, state)
    }
  }

  /** Stops the deletions in the background. Resolves when none runs. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#trims)
  }

  /**
   * The `SendFirst` of the lanes. Without a cluster one call sends all messages to a partition that wait: with a call for each, a user
   * could send only one in the time of a reply. The call ends with the first message that is not simply stored, which is then sent alone.
   */
  async #sendFirst(sends: readonly ToSend[], done: (result: SendResult) => void): Promise<void> {
    const [first] = sends
    if (!first) return
    const end = sends.findIndex(({ outgoing }) => outgoing.partition !== first.outgoing.partition)
    const together = this.#runner.isCluster ? [first] : sends.slice(0, end < 0 ? sends.length : end)
    if (together.length === 1) return done(await this.#sendWithin(first.outgoing, first.rules))
    const runs = together.map(({ outgoing, rules }) => {
      const { recipient: of, partition, keys: options } = outgoing
      const quota = this.#quotaFor(outgoing, rules, { inboxes: 0, bytes: 0 })
      const attempt: Attempt = { createdAt: undefined, messagesPerSecond: rules.messagesPerSecond, quota }
      return { of, partition, options, args: outgoing.args(rules, attempt) }
    })
    const replies = await this.#runner.inOrder(this.#runner.steps.send, runs, 'stored')
    for (const [n, { outgoing, rules }] of together.entries()) {
      const reply = replies[n]
      if (reply?.[0] !== 'stored') {
        const { messagesPerSecond, ...counted } = rules
        const isCounted = reply !== undefined && reply[0] !== 'limited'
        return done(await this.#sendWithin(outgoing, isCounted ? counted : rules))
      }
      done(await this.#onStored(outgoing, rules, reply))
    }
  }

  /** Sends a message if it fits into what other partitions leave of the app's quota. */
  async #sendWithin(
    outgoing: Outgoing,
    rules: SendRules,
    createdAt?: Attempt['createdAt'],
  ): Promise<SendResult> {
    const { recipient, partition, sender } = outgoing
    const sendOnce = async (
      isAtLimit: boolean,
      messagesPerSecond: number | undefined,
    ): Promise<SendResult | Adopted> => {
      const others = await this.#options.quotas.others(recipient.appId, partition, isAtLimit)
      const quota = this.#quotaFor(outgoing, rules, others)
      const sent = await this.#send(outgoing, rules, { createdAt, messagesPerSecond, quota })
      const isEstimate =
        sent.outcome === 'over-share' &&
        sender &&
        (await this.#held.count(sender, rules.quota.bytesPerSender ?? Infinity))
      // The first try has counted the message, so the second try gets no `messagesPerSecond`.
      return isEstimate ? sendOnce(isAtLimit, undefined) : sent
    }
    const sent = await sendOnce(false, rules.messagesPerSecond)
    if (sent.outcome === 'adopted') return this.#sendToAdopter(outgoing, rules, sent)
    if (sent.outcome !== 'full') return sent
    if (outgoing.isAway && sender) {
      await this.#trim(sender, rules)
    }
    const again = await sendOnce(true, undefined)
    return again.outcome === 'adopted' ? this.#sendToAdopter(outgoing, rules, again) : again
  }

  /** Returns what other partitions, which have `others`, leave of the quotas for a message. */
  #quotaFor(
    { partition, sender }: Outgoing,
    { quota: { inboxes, bytes, bytesPerSender = Infinity } }: SendRules,
    others: { inboxes: number; bytes: number },
  ): SendRules['quota'] {
    return {
      inboxes: inboxes - others.inboxes,
      bytes: bytes - others.bytes,
      bytesPerSender:
        sender && bytesPerSender < Infinity
          ? this.#held.limitIn(partition, sender, bytesPerSender)
          : undefined,
    }
  }

  /** Sends a message to the user who has adopted the recipient. If that user is deleted, nobody receives the message. */
  #sendToAdopter(outgoing: Outgoing, rules: SendRules, { by, createdAt }: Adopted): Promise<SendResult> {
    // The first try has counted the message.
    const narrowed = { ...rules, unknownRecipients: false, messagesPerSecond: undefined }
    return this.#sendWithin(outgoing.redirectedTo(by), narrowed, createdAt)
  }

  async #find(outgoing: Outgoing, rules: SendRules): Promise<SendResult | null> {
    const attempt: Attempt = {
      createdAt: undefined,
      messagesPerSecond: undefined,
      quota: rules.quota,
      onlyFinds: true,
    }
    const found = await this.#send(outgoing, rules, attempt)
    if (found.outcome === 'adopted') return this.#find(outgoing.redirectedTo(found.by), rules)
    return found.outcome === 'repeated' || found.outcome === 'conflict' ? found : null
  }

  async #send(outgoing: Outgoing, rules: SendRules, attempt: Attempt): Promise<SendResult | Adopted> {
    const { steps } = this.#runner
    const { recipient, sender, isAway } = outgoing
    const read =
      isAway && sender
        ? await this.#runner.onUser(steps.readSender, sender, [outgoing.rateIn(attempt), callId()])
        : undefined
    const [wait, , , , isMissing] = read ?? [0]
    if (wait > 0) return { outcome: 'limited', retryAfter: wait }
    const { partition, keys } = outgoing
    const args = outgoing.args(rules, attempt, read)
    const reply = await this.#runner.inPartition(steps.send, partition, recipient, args, keys)
    switch (reply[0]) {
      case 'unknown-sender':
        return this.#sendFromUnknown(outgoing, rules, attempt)
      case 'adopted':
        return { outcome: reply[0], by: reply[1], createdAt: reply[2] }
      case 'limited':
        return { outcome: reply[0], retryAfter: reply[1] }
      case 'stored':
      case 'repeated':
        // After a failover the sender's server may lack the sender. Without the sender there would be no own copy.
        if (reply[0] === 'repeated' && isMissing === 1) await this.#createSender(outgoing, rules)
        return this.#onStored(outgoing, rules, reply)
      default:
        // Only `#find` gets `not-sent`, for which it has no result.
        return { outcome: reply[0] as Exclude<(typeof reply)[0], 'not-sent'> }
    }
  }

  /** Makes what follows when a message is stored: the trims, and in a cluster the own copy. */
  async #onStored(outgoing: Outgoing, rules: SendRules, reply: StoredReply): Promise<SendResult> {
    const { recipient, sender } = outgoing
    const [outcome, found, , ownEpoch, json, isBeyond, held] = reply
    const numbers = foundIn(found)
    const { offset, ownOffset, sentAt, toDeletions, fromDeletions } = numbers
    // A message to oneself takes no bytes in the inboxes of others, and `held` is 0 for it.
    if (sender && sender.userId !== recipient.userId && outcome === 'stored')
      this.#held.update(outgoing.partition, sender, held)
    // The message is stored, so this call does not wait for the trim. If the trim fails, the next message to the inbox continues it.
    if (isBeyond === 1)
      for (const of of sender ? [recipient, sender] : [recipient]) this.#startTrim(of, rules)
    const result = { outcome, offset, sentAt }
    this.#options.recent.note(outgoing.recent(rules, reply, numbers))
    if (!sender) return { ...result, ownOffset: null }
    // An offset above 0 means that the own copy exists. In a cluster `send` makes no own copy, but the message may have been sent before
    // the data moved into the cluster.
    const place =
      ownOffset > 0
        ? { offset: ownOffset, epoch: ownEpoch }
        : await this.ownCopies.make(
            {
              ...{ from: sender, to: recipient.userId, id: outgoing.id, window: rules.sendWindow },
              ...{ fromDeletions, toDeletions, json },
            },
            rules.retention,
          )
    this.#options.attached.noteOwnCopy(sender, place)
    return { ...result, ownOffset: place.offset }
  }

  /** Sends a message whose sender does not exist: creates the sender first, if the rules allow it. */
  async #sendFromUnknown(
    outgoing: Outgoing,
    rules: SendRules,
    attempt: Attempt,
  ): Promise<SendResult | Adopted> {
    if (!(await this.#createSender(outgoing, rules))) return { outcome: 'unknown-user' }
    // The first try has counted the message. A sender who is deleted meanwhile is not created again.
    return this.#send(
      outgoing,
      { ...rules, unknownSenders: false },
      { ...attempt, messagesPerSecond: undefined },
    )
  }

  /** Creates the sender. Resolves with false if the rules do not allow that. */
  async #createSender({ sender }: Outgoing, { unknownSenders }: SendRules): Promise<boolean> {
    if (!sender || !unknownSenders || isGuestId(sender.userId)) return false
    await this.#options.createUser(sender)
    return true
  }

  #startTrim(of: UserRef, rules: SendRules): void {
    const trim = this.#trim(of, rules)
      .catch(this.#options.onError)
      .finally(() => this.#trims.delete(trim))
    this.#trims.add(trim)
  }

  /** Deletes a user's messages beyond the retention, step by step. */
  async #trim(of: UserRef, { retention: { messages, bytes, age } }: SendRules): Promise<void> {
    const { steps } = this.#runner
    for (let isBeyond = true; isBeyond && !this.#isStopped;) {
      const [left] = await this.#runner.onUser(steps.expireInbox, of, [age, messages, bytes])
      isBeyond = left === 1
    }
  }
}
