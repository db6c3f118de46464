import { isGuestId, type Message } from '../../../../protocol/index.js'
import type { CheckedMessage, SendResult, SendRules, UserRef } from '../../../engine.js'
import { engineRules } from '../../../rules.js'
import { rows } from '../../store/rows.js'
import { userKey } from '../../../user-key.js'
import type { Operation } from '../../store/store.js'
import type { IdempotencyKeys, StoredResult } from '../ids/idempotency.js'
import type { Inbox } from '../inbox.js'
import type { InboxParts } from '../inbox-parts.js'
import type { Watermark } from '../inbox-row.js'
import type { RetentionSweep } from '../retention/retention-sweep.js'
import type { UnreadChecks } from '../unread/unread-checks.js'
import type { UnreadLimit } from '../unread/unread-limit.js'

const NOBODY: readonly UserRef[] = []

type Content = Pick<Message, 'id' | 'from' | 'to' | 'sender' | 'sentAt'> &
  Pick<CheckedMessage, 'body' | 'data'>

const messageAt = (offset: number, { id, from, to, sender, body, data, sentAt }: Content): Message => {
  const message: Message = { offset, id, from, to, sender, sentAt }
  if (body !== undefined) message.body = body
  if (data) message.data = data
  return message
}

/** The inbox of the recipient, and that of the sender if it is another inbox. */
type SentInboxes = readonly [recipient: Inbox] | readonly [recipient: Inbox, sender: Inbox]

/** Why a message can't be stored yet: it is tried again when `until` has resolved. */
class Wait {
  readonly until: Promise<unknown>

  constructor(until: Promise<unknown>) {
    this.until = until
  }
}

/** Returns the rows of the recipient's inbox and of the sender's. */
const inboxesOf = ({ appId, from, to }: CheckedMessage): string[] =>
  (from === null ? [to] : [to, from]).map((userId) => rows.inbox({ appId, userId }))

interface SendsOptions extends InboxParts {
  idempotencyKeys: IdempotencyKeys
  unreadChecks: UnreadChecks
  unreadLimit: UnreadLimit
  retentionSweep: RetentionSweep
}

/** Stores messages in the inboxes of their recipients and senders. */
export class Sends {
  readonly #options: SendsOptions
  /**
   * The last of the messages to or from each inbox that can't be stored yet, by the row of the inbox. The promise resolves when that message
   * no longer holds up later ones.
   */
  readonly #waiting = new Map<string, Promise<void>>()
  /** Apps whose quota has refused a message in the current task of the event loop. */
  readonly #full = new Set<string>()

  constructor(options: SendsOptions) {
    this.#options = options
  }

  send(message: CheckedMessage, rules: SendRules): Promise<SendResult> {
    const earlier =
      this.#waiting.size > 0 ? inboxesOf(message).flatMap((row) => this.#waiting.get(row) ?? []) : []
    const sent = earlier.length > 0 ? new Wait(Promise.all(earlier)) : this.#send(message, rules)
    return sent instanceof Wait ? this.#sendAfter(sent, message, rules) : sent
  }

  /** As `EngineInboxes.findSent`. */
  find(message: CheckedMessage): Promise<SendResult | null> {
    const { adoptions, clock, idempotencyKeys, table } = this.#options
    const key = rows.idempotencyKey(message) + table.deletionsIn(message)
    const digest = idempotencyKeys.digestOf(message.original ?? message)
    const earlier = idempotencyKeys.find(key, digest, clock.now())
    if (earlier) return earlier
    const adopter = adoptions.adopterOf({ appId: message.appId, userId: message.to })
    return adopter ? this.find({ ...message, to: adopter.userId }) : Promise.resolve(null)
  }

  /** `hasWaited` says whether the message comes after the earlier ones of its inboxes that had to wait. */
  #send(message: CheckedMessage, rules: SendRules, hasWaited = false): Promise<SendResult> | Wait {
    const { commit, users, adoptions, pushes, webhooks, clock, table, shares } = this.#options
    const { deletions, idempotencyKeys, unreadChecks, unreadLimit, retentionSweep } = this.#options
    commit.assertWritable()
    const now = clock.now()
    const sentAt = Date.now()
    retentionSweep.retain(message.appId, rules.retention)
    const { appId, id, from, to, body, data } = message
    const recipient = { appId, userId: to }
    const recipientKey = userKey(recipient)
    const sendingUser = { appId, userId: from ?? '' }
    const senderKey = userKey(sendingUser)
    const key = rows.idempotencyKey(message) + table.deletionsIn(message)
    const digest = idempotencyKeys.digestOf(message.original ?? message)
    const earlier = idempotencyKeys.find(key, digest, now)
    if (earlier) return earlier
    const known = from === null ? null : users.sender(sendingUser, senderKey)
    const isToUnknown = from !== to && !this.#isKnown(recipient, recipientKey)
    let unknown: readonly UserRef[] = NOBODY
    const adopter = isToUnknown ? adoptions.adopterOf(recipient) : undefined
    // If the adopter is deleted before the message is stored, the message must not create that user.
    if (adopter) {
      const toAdopter = { ...message, to: adopter.userId }
      const known = { ...rules, unknownRecipients: false }
      return hasWaited ? this.#send(toAdopter, known, true) : this.send(toAdopter, known)
    }
    if (known === undefined || isToUnknown) {
      unknown = [...(isToUnknown ? [recipient] : []), ...(known === undefined ? [sendingUser] : [])]
      const { unknownRecipients, unknownSenders } = rules
      const mayCreate = (of: UserRef): boolean =>
        !isGuestId(of.userId) && (of === recipient ? unknownRecipients : unknownSenders)
      if (!unknown.every(mayCreate)) return this.#refuseUnknown(unknown)
    }
    const sender = (message.sender === undefined ? known : message.sender) ?? null
    const json = JSON.stringify({ id, from, to, sender, body, data, sentAt })
    // The caller may change `data` before the message is emitted, so the events carry a clone.
    const content: Content = {
      id,
      from,
      to,
      sender,
      body,
      data: data && (JSON.parse(json) as CheckedMessage).data,
      sentAt,
    }

    const inbox = table.open(recipient, recipientKey)
    // This is a literal: with `push` each message would allocate memory for 16 more inboxes.
    const inboxes: SentInboxes =
      from === null || from === to ? [inbox] : [inbox, table.open(sendingUser, senderKey)]
    const size = Buffer.byteLength(json) + engineRules.messageOverhead
    const operations: Operation[] = []
    let isChanging = false
    try {
      for (const inbox of inboxes) deletions.add(inbox, rules.retention, now, false, operations)
      if (from !== null && from !== to) {
        const isReached = unreadLimit.isReached(inbox, from, size, rules)
        if (isReached !== false) commit.append(operations)
        if (isReached === undefined) return new Wait(unreadLimit.count(inbox))
        if (isReached) return Promise.resolve({ outcome: 'refused' })
      }
      const own = inboxes[1]
      if (own && shares.mayExceed(own, size, rules)) {
        deletions.add(inbox, rules.retention, now, true, operations)
        if (shares.exceeds(inbox, own, size, rules)) {
          commit.append(operations)
          return Promise.resolve({ outcome: 'over-share' })
        }
      }
      if (!this.#reserve(inboxes, size, rules, now, operations)) return Promise.resolve({ outcome: 'full' })

      isChanging = true
      for (const of of unknown) operations.push(...users.create(of))
      const beginsStreak = webhooks.unreadAfter(appId) !== undefined && from !== to && !inbox.hasUnread
      const isPushed = rules.pushAfter !== undefined && from !== to
      for (const each of inboxes) {
        const trace = isPushed && each === inbox ? message.traceparent : undefined
        each.append(operations, json, size, content, now, rules.retention, false, trace)
        if (each.isBehind) table.markChanged(each)
      }
      if (own) own.sent += size
      const { offset } = inbox.assigned
      const ownOffset = from === null ? null : (own ?? inbox).assigned.offset
      const result: StoredResult = { outcome: 'stored', offset, ownOffset, sentAt }
      if (beginsStreak) operations.push(...unreadChecks.begin(recipient, offset, inbox.deletions, now))
      if (rules.pushAfter !== undefined && from !== to)
        operations.push(...pushes.onMessage(recipient, rules.pushAfter, now))
      if (webhooks.asks(appId, 'message.created')) {
        const { traceparent } = message
        const event = {
          ...{ epoch: inbox.epoch, message: messageAt(offset, content) },
          ...(traceparent !== undefined && { traceparent }),
        }
        operations.push(...webhooks.operations(recipient, 'message.created', event))
      }
      idempotencyKeys.add(key, { digest, result, now, expiresAt: now + rules.sendWindow }, operations)
      return this.#write(operations, inboxes, content, json, result)
    } catch (error) {
      // A read has failed. If the inboxes have got the message in memory only, their next messages would come after a hole.
      if (isChanging) commit.fail(error)
      else commit.append(operations)
      throw error
    }
  }

  /** Writes a message. When it is synced, readers see it, its events are emitted, and then the promise resolves with `result`. */
  #write(
    operations: Operation[],
    [inbox, own]: SentInboxes,
    content: Content,
    json: string,
    result: StoredResult,
  ): Promise<StoredResult> {
    const mark = inbox.assigned
    const ownMark = own?.assigned
    return new Promise((resolve, reject) =>
      this.#options.commit.write(operations, {
        resolve: () => {
          // The recipient's message and the sender's own copy differ only in their offsets.
          const tail = json.slice(1)
          this.#publish(inbox, mark, content, tail)
          if (own && ownMark) this.#publish(own, ownMark, content, tail)
          resolve(result)
        },
        reject,
      }),
    )
  }

  #publish(inbox: Inbox, mark: Watermark, content: Content, tail: string): void {
    inbox.publish(mark)
    const message = messageAt(mark.offset, content)
    const json = `{"offset":${mark.offset},${tail}`
    this.#options.emit({ type: 'message', user: inbox.of, epoch: inbox.epoch, message, json })
  }

  /**
   * Returns whether the user exists. A user with an inbox exists, because the two are deleted together. The message needs the inbox anyway,
   * so the user need not be read. Guests are looked up, because the inbox of an adopted guest stays until its messages have moved.
   */
  #isKnown(of: UserRef, key: string): boolean {
    const { table, users } = this.#options
    const hasInbox = !isGuestId(of.userId) && table.peek(of, key).exists
    return hasInbox || users.sender(of, key) !== undefined
  }

  /** Refuses a message. If one of the users is unknown because of a deletion that is being written, waits for that write. */
  async #refuseUnknown(unknown: readonly UserRef[]): Promise<SendResult> {
    const { commit } = this.#options
    if (unknown.some((of) => commit.isPending(rows.user(of)))) await commit.sync([])
    return { outcome: 'unknown-user' }
  }

  /**
   * Sends a message that has to wait. Later messages to or from one of its users wait for it, so that no message is overtaken. A message
   * waits only for earlier ones, so no two wait for each other.
   */
  #sendAfter({ until }: Wait, message: CheckedMessage, rules: SendRules): Promise<SendResult> {
    const trying = this.#try(until, message, rules)
    const inboxes = inboxesOf(message)
    const end = (): void => {
      for (const row of inboxes) if (this.#waiting.get(row) === ended) this.#waiting.delete(row)
    }
    const ended = trying.then(end, end)
    for (const row of inboxes) this.#waiting.set(row, ended)
    return trying.then(({ sent }) => sent)
  }

  /** Resolves when the message is in the next batch, or is refused. Later messages need not wait until it is written. */
  async #try(
    until: Promise<unknown>,
    message: CheckedMessage,
    rules: SendRules,
  ): Promise<{ sent: Promise<SendResult> }> {
    for (let wait = until; ;) {
      await wait
      const sent = this.#send(message, rules, true)
      if (!(sent instanceof Wait)) return { sent }
      wait = sent.until
    }
  }

  /**
   * Adds a message of `size` bytes in each inbox to the app's usage. If the app's quota has no room for the message, first adds operations
   * that delete messages which are not retained. Returns false if there is still no room.
   */
  #reserve(
    inboxes: SentInboxes,
    size: number,
    rules: SendRules,
    now: number,
    operations: Operation[],
  ): boolean {
    const { commit, usage, deletions } = this.#options
    const { retention, quota } = rules
    const { appId } = inboxes[0].of
    let added = 0
    for (const { exists } of inboxes) if (!exists) added++
    const more = { inboxes: added, bytes: size * inboxes.length }
    if (!usage.fits(appId, more, quota))
      for (const inbox of inboxes) deletions.add(inbox, retention, now, true, operations)
    if (!this.#full.has(appId) && usage.fits(appId, more, quota)) {
      usage.add(appId, more)
      return true
    }
    commit.append(operations)
    this.#refuseForThisTask(appId)
    return false
  }

  /**
   * Refuses the app's later messages in this task of the event loop, too. Otherwise a smaller message that fits would overtake the refused
   * one.
   */
  #refuseForThisTask(appId: string): void {
    this.#full.add(appId)
    queueMicrotask(() => this.#full.delete(appId))
  }
}
