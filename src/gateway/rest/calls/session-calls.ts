import * as v from 'valibot'
import type { SessionRecord } from '../../../engine/index.js'
import type { Revoked, Session } from '../../../rest-client/index.js'
import { DEFAULT_LIMIT } from '../../../rest-client/internal.js'
import { answer, defineCall } from '../call.js'
import { decodeCursor, encodeCursor } from './cursor.js'
import { CallError } from '../errors.js'
import { REAUTH_WITHIN, revocationOf } from './revocation.js'
import { knownUser } from './known-user.js'

const sessionOf = ({ sessionId, credential, ...record }: SessionRecord): Session => ({
  id: sessionId,
  state: record.state,
  hidden: record.hidden,
  way: credential.authMethod,
  tokenId: credential.tokenId,
  issuedAt: credential.issuedAt,
  expiresAt: credential.expiresAt,
  origin: record.origin,
  address: record.address,
  client: record.client,
  startedAt: record.startedAt,
  lastSeenAt: record.lastSeenAt,
  rtt: record.rtt,
  node: record.node,
})

const cursorOfSessions = v.tuple([v.literal('session'), v.number(), v.string()])

/**
 * Compares two sessions by the times of their starts. If both started in one millisecond, their ids decide, so that a cursor names one
 * place in the list.
 */
const compare = (a: [number, string], b: [number, string]): number =>
  a[0] - b[0] || (a[1] < b[1] ? -1 : Number(a[1] > b[1]))

const placeOf = ({ startedAt, sessionId }: SessionRecord): [number, string] => [startedAt, sessionId]

const REVOCATION = `After this call the gateway refuses signatures, tokens without \`iat\`, and tokens that were issued up to \`issuedBefore\`, even those that a gateway signed. The revocation is durable before the answer, and reaches every live connection within a second. With \`mode=reauth\` no session ends at once. The gateway refuses these credentials whenever a client starts a session, and when the next second begins, it asks each live client for a token that is not revoked.`

const revoked = (revokedBefore: number, mode: 'end' | 'reauth'): { status: 200; body: Revoked } => ({
  status: 200,
  body: { revokedBefore, ...(mode === 'reauth' && { within: REAUTH_WITHIN }) },
})

export const sessionCalls = [
  defineCall({
    id: 'endUserSessions',
    summary: 'Log a user out everywhere',
    description: `Ends all of the user’s sessions as \`revoked\`. ${REVOCATION}`,
    answers: { 200: 'The credentials are revoked.' },
    async handle({ of, query, context: { engine } }) {
      const change = revocationOf(query)
      return revoked(await engine.revokeUser(of, change), change.mode)
    },
  }),
  defineCall({
    id: 'listUserSessions',
    summary: 'The sessions of a user',
    description: 'The sessions that have not ended, the oldest first.',
    answers: { 200: 'A page of sessions.' },
    errors: ['unknown-user'],
    async handle({ of, query: { cursor, limit = DEFAULT_LIMIT }, context: { engine } }) {
      const after = cursor === undefined ? undefined : decodeCursor(cursorOfSessions, cursor)
      await knownUser(engine, of)
      const found = (await engine.sessions(of))
        .toSorted((a, b) => compare(placeOf(a), placeOf(b)))
        .filter((each) => !after || compare(placeOf(each), [after[1], after[2]]) > 0)
      const sessions = found.slice(0, limit)
      const last = sessions.at(-1)
      return answer(200, {
        sessions: sessions.map(sessionOf),
        ...(last && found.length > limit && { next: encodeCursor(['session', ...placeOf(last)]) }),
      })
    },
  }),
  defineCall({
    id: 'liftRevocation',
    summary: 'Lift a user’s revocation',
    description:
      'Credentials that the revocation made invalid are good again until they expire. Revocations of single tokens and of the whole app stay.',
    answers: { 204: 'The user has no revocation.' },
    async handle({ of, context: { engine } }) {
      await engine.liftRevocation(of)
      return answer(204)
    },
  }),
  defineCall({
    id: 'endSession',
    summary: 'End one session',
    description:
      'The session ends as `revoked`. Its token stays good: revoke it too, or the page can start again.',
    answers: { 204: 'The session has ended.' },
    errors: ['not-found'],
    async handle({ of, params, context: { engine } }) {
      const ended = await engine.endSession({ ...of, sessionId: params.session }, 'revoked')
      if (!ended) throw new CallError('not-found', 'The user has no session with this id: it may have ended.')
      return answer(204)
    },
  }),
  defineCall({
    id: 'revokeToken',
    summary: 'Revoke one token',
    description:
      'The sessions that use the token end as `revoked`. If a session uses the token, the revocation is kept at least until the token has expired; otherwise for 400 days.',
    answers: { 204: 'The token is revoked.' },
    async handle({ appId, params, context: { engine } }) {
      await engine.revokeToken(appId, params.jti)
      return answer(204)
    },
  }),
  defineCall({
    id: 'endAppSessions',
    summary: 'Log all users of the app out',
    description: `Ends all sessions of the app as \`revoked\`. ${REVOCATION} App tokens stay good.`,
    answers: { 200: 'The credentials are revoked.' },
    async handle({ appId, query, context: { engine } }) {
      const change = revocationOf(query)
      return revoked(await engine.revokeApp(appId, change), change.mode)
    },
  }),
]
