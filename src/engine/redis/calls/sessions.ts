import type { EndCode } from '../../../protocol/index.js'
import type { Revocation } from '../../engine.js'
import type { Call, InboxReply, Maybe } from './values.js'

/** A credential: the authentication method, the token's `tokenHash`, when it was issued if that is known, and all of it as JSON. */
export type CredentialArgs = [way: string, token: string | null, issuedAt: number | null, json: string]

/**
 * A revocation. With `isOwn` the step stores it as the user's own. It concerns credentials that were issued up to `issuedBefore` (missing
 * for now), and sessions up to the number `upTo`, whatever their credentials. `all` stands for the newest number.
 */
export type RevocationArgs = [
  isOwn: boolean,
  issuedBefore: Maybe<number>,
  mode: Revocation['mode'],
  upTo: Maybe<number | 'all'>,
]

/**
 * A session. `carrier` is the connection that carries the session on the calling node; `*` if it is another node's; empty if the session is
 * detached. A session with a revoked credential goes on only if its client was asked for another one.
 */
export type CarriedSession = [sessionId: string, carrier: string, isRevoked: 0 | 1]

/** The steps of sessions, revocations and tokens. A result `history` is the number of the server's history. */
export interface SessionCalls {
  /**
   * `id` is for a new session. `resumes` is the hash of the key that resumes a session, and `limit` the number of sessions that the user
   * may have. `createdAt` is when the user must have been created (missing for any time). `known` has the fields of a `StartedRow` as JSON
   * without the first brace. The client's messages begin after the position of `epoch`, which is a number, and `offset`: `isLost` says
   * whether messages after it are gone. The start is refused if the credential is revoked, the user was created at another time, or
   * `abandonSession` ran first.
   */
  startSession: Call<
    [
      id: string,
      connectionId: string,
      resumes: Maybe<string>,
      limit: number,
      hidden: boolean,
      guest: boolean,
      token: Maybe<string>,
      issuedAt: Maybe<number>,
      createdAt: Maybe<number>,
      known: string,
      epoch: Maybe<number>,
      offset: Maybe<number>,
    ],
    | [
        isStarted: 1,
        isResumed: 0 | 1,
        sessionId: string,
        row: string,
        history: number,
        isLost: 0 | 1,
        ...inbox: InboxReply,
      ]
    | [isStarted: 0]
  >
  /** `newId` is the id that the start has for a new session. A resumed session stays resumable for `resumableFor` milliseconds. */
  abandonSession: Call<[connectionId: string, newId: string, resumableFor: number], [hasRun: 0 | 1]>
  /**
   * `confirm` forgets the previous resume key, because the client has the latest one. `hide` and `show` say that the session's page was
   * hidden or shown. `detach` says that the connection is lost: the session is resumable for `resumableFor` milliseconds (missing for the
   * number in its row).
   */
  changeSession: Call<
    [
      id: string,
      connectionId: string,
      change: 'confirm' | 'hide' | 'show' | 'detach',
      resumableFor: Maybe<number>,
    ],
    [isCarried: 0 | 1, history: number]
  >
  /** `use` is the name of the note about this session in the token's Redis hash; empty for no token. */
  renewSession: Call<
    [id: string, connectionId: string, ...credential: CredentialArgs, use: string],
    [isGood: 0 | 1]
  >
  /** `row` is the row as the start has stored it. */
  restoreSession: Call<[id: string, row: string, hasEnded: boolean], [isRestored: 0 | 1]>
  /** `connectionId` is the connection that must carry the session (missing for any). `isRepeated`: a recovery makes the end again. */
  endSession: Call<
    [id: string, code: EndCode, connectionId: Maybe<string>, isRepeated: boolean],
    [hasEnded: 0 | 1, history: number]
  >
  /** Returns the id and the row of each session in turn. */
  listSessions: Call<[], string[]>
  /** Returns for each session in turn: its id and the user's id, separated by NUL; its number. */
  listAppSessions: Call<[after: string | number, limit: number], string[]>
  /**
   * `step` is what the call before has returned (empty for the first): null says that the call was the last. `lostAt` is when the node's
   * connections were lost (missing for now). `deadAt` is when a beat has found that the node is dead (missing if none has).
   */
  detachNode: Call<
    [node: string, step: string, lostAt: Maybe<number>, deadAt: Maybe<number>],
    [next: string | null, stays: 0 | 1]
  >
  /** Returns the sessions of each user. */
  readCarried: Call<[], CarriedSession[][]>
  /** Returns the present time, and for each user the presence. A `lastSeenAt` of -1 is unknown. */
  watch: Call<[duration: number], [at: number, ...users: [online: 0 | 1, lastSeenAt: number][]]>

  /**
   * `step` is `next` of the call before (missing for the first): null says that the call was the last. `token` is the `tokenHash`, if the
   * revocation is that of a token. Returns the time up to which issued credentials are revoked, and the number for `upTo`.
   */
  revoke: Call<
    [...revocation: RevocationArgs, step: Maybe<string>, token: Maybe<string>],
    [before: number, upTo: number | null, next: string | null]
  >
  liftRevocation: Call<[], [wasRevoked: 0 | 1]>
  /** `issuedBefore` is missing for now. Returns that time, and the number of the newest session. */
  revokeApp: Call<[issuedBefore: Maybe<number>], [before: number, newest: number]>
  /** `expiresAt` is missing for a token that never expires. `use` is the name of the note: a random text. */
  useToken: Call<[expiresAt: Maybe<number>, use: string], [isGood: 0 | 1]>
  releaseToken: Call<[use: string], []>
  /** Returns the users who have a session that uses the token. */
  revokeToken: Call<[tokenId: string], string[]>
  readToken: Call<[field: 'revoked'], [isRevoked: 0 | 1]>
}
