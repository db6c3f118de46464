import { randomUUID } from 'node:crypto'
import * as v from 'valibot'
import { isUserId, signalLimits, USER_ID_RULE, userIdText } from '../../../protocol/index.js'
import { count, DEFAULT_LIMIT, MAX_RECIPIENTS } from '../../../rest-client/internal.js'
import { readMessages, type MessageRange } from '../../messages/read-messages.js'
import { checkMessage } from '../../messages/rules.js'
import { checkSignal, signalOf } from '../../messages/signal-rules.js'
import type { SendProblem, StoredMessage } from '../../messages/send.js'
import { answer, defineCall } from '../call.js'
import { decodeCursor, encodeCursor } from './cursor.js'
import { CallError } from '../errors.js'
import { problemOf } from '../problem-of.js'
import { inboxOf } from './inbox.js'
import { knownUser } from './known-user.js'

/**
 * How many messages of one call are stored at once: enough for a full batch of the engine, and few enough to leave room for other calls.
 */
const SENT_AT_ONCE = 64

/** The most bytes of the messages in one answer. */
export const MAX_PAGE_BYTES = 1_048_576

export const OTHER_EPOCH = "The inbox has another 'epoch' now: read its messages again to get the new one."

const cursorOfMessages = v.tuple([v.picklist(['after', 'before']), v.string(), count, v.optional(v.string())])

const rangeOf = ({
  after,
  before,
  cursor,
  with: peer,
}: {
  after?: number | undefined
  before?: number | undefined
  cursor?: string | undefined
  with?: string | undefined
}): MessageRange => {
  if ([after, before, cursor].filter((each) => each !== undefined).length > 1)
    throw new CallError('bad-request', "A query has one of 'after', 'before' and 'cursor'.")
  const peerOf = (user: string | undefined): string | null | undefined => (user === '' ? null : user)
  if (after !== undefined) return { after, peer: peerOf(peer) }
  if (cursor === undefined) return { before: before ?? null, peer: peerOf(peer) }
  const [direction, epoch, offset, cursorPeer] = decodeCursor(cursorOfMessages, cursor)
  if (peer !== undefined && peer !== cursorPeer)
    throw new CallError('bad-request', "The 'cursor' is of a list with another 'with'.")
  return {
    epoch,
    ...(direction === 'after' ? { after: offset } : { before: offset }),
    peer: peerOf(cursorPeer),
  }
}

/** Calls `work` for each item, at most `SENT_AT_ONCE` at a time, and resolves with the results in the order of the items. */
const mapBounded = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = []
  let index = 0
  const worker = async (): Promise<void> => {
    for (let mine = index++; mine < items.length; mine = index++) results[mine] = await work(items[mine] as T)
  }
  await Promise.all(Array.from({ length: SENT_AT_ONCE }, worker))
  return results
}

/** Returns the stored message. Throws a `CallError` if the message was not stored. */
const storedOf = (sent: StoredMessage | SendProblem): StoredMessage => {
  if ('code' in sent) throw new CallError(sent.code, sent.why)
  return sent
}

export const messageCalls = [
  defineCall({
    id: 'sendMessage',
    summary: 'Send a message to a user',
    description:
      'The message is durable before the answer. A recipient or sender who does not exist is created; a guest must exist.',
    example: { id: 'order-1017-shipped', body: 'Your order is on its way.', data: { order: 1017 } },
    answers: {
      200: 'An earlier call stored the same message, and had this answer.',
      201: 'The message is stored.',
    },
    errors: ['conflict', 'too-large', 'unknown-user'],
    async handle({ app, params, body, traceparent, context: { send } }) {
      const message = { ...body, to: params.user, traceparent }
      const { repeated, ...sent } = storedOf(await send(app.settings, message))
      return answer(repeated ? 200 : 201, sent)
    },
  }),
  defineCall({
    id: 'sendMessages',
    summary: 'Send a message to several users',
    description: `Sends to up to ${MAX_RECIPIENTS} users. Each recipient has a result, in the order of \`to\`: where the message is stored, or why it is not. With an \`id\` the whole call can be repeated: what is stored is not stored again.`,
    example: { to: ['12345', '67890'], id: 'news-12', body: 'We are open again.' },
    answers: { 200: 'The results, in the order of `to`.' },
    errors: ['too-large'],
    async handle({ app, body: { to, id = randomUUID(), ...content }, traceparent, context }) {
      // All recipients get the same content, so the whole call is refused if the content is not valid. `anyone` stands for any valid id.
      const problem = checkMessage({ id, to: 'anyone', ...content })
      if (problem) throw new CallError(problem.code, problem.why)
      const results = await mapBounded(to.map(userIdText), async (recipient) => {
        const user = String(recipient)
        try {
          if (typeof recipient === 'number' || !isUserId(user))
            throw new CallError('bad-request', `A recipient must be ${USER_ID_RULE}.`)
          const { offset, sentAt } = storedOf(
            await context.send(app.settings, { ...content, id, to: user, traceparent }),
          )
          return { user, id, offset, sentAt }
        } catch (error) {
          const known = problemOf(error, context.metrics)
          if (!known) throw error
          const { status, code, title } = known
          return { user, problem: { status, code, title } }
        }
      })
      return answer(200, { results })
    },
  }),
  defineCall({
    id: 'listMessages',
    summary: 'The messages in a user’s inbox',
    description:
      'The messages that the user received and sent. The messages of a page are in the order of their offsets. Without `after` the first page has the newest messages, and `next` leads to older ones; with `after` it leads to newer ones.',
    answers: { 200: 'A page of messages, with the state of the inbox.' },
    errors: ['conflict', 'unknown-user'],
    async handle({ of, query, context }) {
      await knownUser(context.engine, of)
      const range = rangeOf(query)
      const found = await readMessages(context, of, range, query.limit ?? DEFAULT_LIMIT, MAX_PAGE_BYTES)
      if (!found) throw new CallError('conflict', OTHER_EPOCH)
      const { messages, next, newest, inbox } = found
      const { epoch, offset } = inbox
      const isForward = 'after' in range
      const peer = range.peer === undefined ? [] : [range.peer ?? '']
      const isNewest = isForward ? next === null : (range.before ?? Infinity) > newest
      return answer(200, {
        ...inboxOf(inbox),
        messages,
        ...(next !== null && { next: encodeCursor([isForward ? 'after' : 'before', epoch, next, ...peer]) }),
        ...(isNewest && { since: `${epoch}/${offset}` }),
      })
    },
  }),
  defineCall({
    id: 'sendSignal',
    summary: 'Send a signal to a user’s open pages',
    description: `Something brief, such as “an agent is typing”. It reaches the pages that are connected now, or none: nothing is stored. The app’s \`signals\` rule does not limit this call. \`data\` has at most ${signalLimits.data} bytes as JSON.`,
    example: { from: '67890', name: 'typing', ttl: 5000 },
    answers: { 202: 'The signal is on its way.' },
    errors: ['too-large'],
    async handle({ of, params, body: { from, ...signal }, context: { engine } }) {
      const problem = checkSignal({ ...signal, to: params.user })
      if (problem) throw new CallError(problem.code, problem.why)
      await engine.signal(of, signalOf(from ?? null, signal))
      return answer(202)
    },
  }),
  defineCall({
    id: 'markRead',
    summary: 'Mark messages as read',
    description:
      'Marks all messages up to `offset` as read, for example after the user has read them in an e-mail. If `with` is a user id, the call marks only the messages from this user; if it is null, only those from the app’s backend. A mark never goes back.',
    example: { epoch: 'XbdHkhNdxzFzP92K', offset: 2 },
    answers: { 200: 'The state of the inbox.' },
    errors: ['conflict', 'unknown-user'],
    async handle({ of, body, context: { engine } }) {
      await knownUser(engine, of)
      if (body.with === undefined) {
        const inbox = await engine.markRead(of, body)
        if (!inbox) throw new CallError('conflict', OTHER_EPOCH)
        return answer(200, inboxOf(inbox))
      }
      const read = await engine.markPeerRead(of, body.with, body)
      if (!read) throw new CallError('conflict', OTHER_EPOCH)
      const { id, unread, readOffset } = read.peer
      return answer(200, { ...inboxOf(read.inbox), with: id, unreadWith: unread, readOffsetWith: readOffset })
    },
  }),
]
