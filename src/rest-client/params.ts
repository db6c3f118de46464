import * as v from 'valibot'
import { isAppId, isUserId } from '../protocol/index.js'
import { count, integer, userId } from './schemas.js'

/* The parameters of paths and queries, and the fields of a page that lead to the next page. */

/** The schema of each path parameter. */
export const pathParams = {
  app: v.pipe(
    v.string(),
    v.check(isAppId),
    v.metadata({ pattern: '^[A-Za-z0-9_-]{1,64}$', examples: ['hF83jaq'] }),
    v.description('The id of the app that the token is for.'),
  ),
  user: v.pipe(
    userId,
    v.metadata({ examples: ['12345'] }),
    v.description(
      'A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits.',
    ),
  ),
  session: v.pipe(
    v.string(),
    v.nonEmpty('must be a session id'),
    v.description('The `id` of a session in the list of the user’s sessions.'),
  ),
  id: v.pipe(
    v.string(),
    v.nonEmpty('must be the id of a subscription'),
    v.description('The `id` of a subscription in the list of the user’s subscriptions.'),
  ),
  jti: v.pipe(v.string(), v.nonEmpty('must be a token id'), v.description('The `jti` of a token.')),
}

/** A number in a query string. */
const queryNumber = <const S extends v.GenericSchema<number, number>>(expected: string, schema: S) =>
  v.pipe(v.string(expected), v.regex(/^\d{1,16}(\.\d{1,9})?$/, expected), v.transform(Number), schema)

export const offsetParam = queryNumber(`must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`, count)

export const DEFAULT_LIMIT = 50
const MAX_LIMIT = 100

const limitParam = (byDefault: number) =>
  v.optional(
    v.pipe(
      queryNumber(`must be a whole number from 1 to ${MAX_LIMIT}`, integer(1, MAX_LIMIT)),
      v.description(`The most entries on a page. Left out: ${byDefault}.`),
    ),
  )

/** The parameters of a list. */
export const page = {
  limit: limitParam(DEFAULT_LIMIT),
  cursor: v.optional(
    v.pipe(v.string(), v.description('The `next` of the page before. Left out: the first page.')),
  ),
}

export const next = v.optional(
  v.pipe(v.string(), v.description('The `cursor` of the next page. Absent on the last page.')),
)

export const DEFAULT_PEERS = 20
const POSITION = /^[^/]+\/\d{1,15}$/
const POSITION_RULE = 'must be EPOCH/OFFSET'
const position = v.pipe(v.string(POSITION_RULE), v.regex(POSITION, POSITION_RULE))

/** The parameters of the list of peers. */
export const peersPage = {
  limit: limitParam(DEFAULT_PEERS),
  before: v.optional(
    v.pipe(position, v.description('The `next` of the page before. Left out: the first page.')),
  ),
}

export const nextPeers = v.optional(
  v.pipe(
    v.string(),
    v.description('The `before` of the next page, `EPOCH/OFFSET`. Absent on the last page.'),
  ),
)

const PEER_RULE = 'must be a user id, or empty for the app’s backend'
const isPeer = (value: string): boolean => value === '' || isUserId(value)

export const withParam = v.optional(
  v.pipe(
    // In a query the integer is text. The client makes that text, so its type comes from here.
    v.union([v.pipe(v.string(), v.check(isPeer, PEER_RULE)), v.pipe(v.number(), v.safeInteger())], PEER_RULE),
    v.transform(String),
    v.description('A user id: only messages from and to this user. Empty: only those of the app’s backend.'),
  ),
)

const ISSUED_BEFORE = 'must be a time in seconds since 1970'

/** The parameters of a revocation. */
export const revocation = {
  issuedBefore: v.optional(
    v.pipe(
      queryNumber(ISSUED_BEFORE, v.pipe(v.number(ISSUED_BEFORE), v.maxValue(1e11, ISSUED_BEFORE))),
      v.description(
        'Unix time in seconds, at most 30 seconds ahead of the gateway’s clock. Credentials that were issued at this time or before it are revoked. Left out: now.',
      ),
    ),
  ),
}

export const mode = {
  mode: v.optional(
    v.pipe(
      v.picklist(['end', 'reauth'], "must be 'end' or 'reauth'"),
      v.description(
        '`end`, the default: the sessions end. `reauth`: within 10 seconds their clients must send a token that is not revoked.',
      ),
    ),
  ),
}
