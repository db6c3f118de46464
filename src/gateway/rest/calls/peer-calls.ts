import { readPeers } from '../../messages/read-peers.js'
import { answer, defineCall } from '../call.js'
import { CallError } from '../errors.js'
import { knownUser } from './known-user.js'
import { MAX_PAGE_BYTES, OTHER_EPOCH } from './message-calls.js'
import { DEFAULT_PEERS } from '../../../rest-client/internal.js'

export const peerCalls = [
  defineCall({
    id: 'listPeers',
    summary: 'The peers of a user',
    description:
      'Each peer has the newest message from or to it, and the number of unread messages from it. The peer with the latest message comes first. A peer without kept messages is not listed.',
    answers: { 200: 'A page of peers.' },
    errors: ['conflict', 'unknown-user'],
    async handle({ of, query, context }) {
      await knownUser(context.engine, of)
      const [epoch, before] = query.before?.split('/') ?? []
      const from = { epoch, before: before === undefined ? undefined : Number(before) }
      const found = await readPeers(context, of, from, query.limit ?? DEFAULT_PEERS, MAX_PAGE_BYTES)
      if (!found) throw new CallError('conflict', OTHER_EPOCH)
      const { peers, next, inbox } = found
      return answer(200, { peers, ...(next !== null && { next: `${inbox.epoch}/${next}` }) })
    },
  }),
]
