import { engineRules } from '../../rules.js'

/*
 * What a connection changes in a session: which resume keys are valid, when the session ends, and when it no longer makes its user online.
 * Times are by the monotonic clock: a machine whose time is set neither shortens nor extends a resume window.
 */

/** What of a session its connections change. */
export interface Connected {
  /** The connection that carries the session; null while it is detached. */
  connectionId: string | null
  /** The number of the session's last detachment; null while the session is active. */
  detached: number | null
  /** Milliseconds for which a client can resume the session: the resume window. It begins when the session is detached or loaded. */
  resumableFor: number
  /** When the resume window ends; null while the session is active. */
  expiresAt: number | null
  /** When the session no longer makes its user online; null while it is active. */
  offlineAt: number | null
  /** Whether `offlineAt` has passed. This is stored, so that a loaded session does not make its user online again. */
  offline: boolean
}

/** The hashes of the resume keys with which the client can resume the session. */
export interface Keys {
  /** The hash of the key that the client received last. */
  keyHash: string
  /**
   * The hash of the previous key, or two hashes with a line break between them. The previous keys are valid until the client has shown that
   * it has the new key. There are two if a client has sent two `start` frames with the same key, on a WebSocket and on an HTTP stream: the
   * client may use the answer to the first one.
   */
  previousKeyHash: string | null
}

/** What an engine has of a session. The Redis engine leaves a field out where the other engines have null or false. */
type Sparse<Of> = { readonly [Field in keyof Of]?: Of[Field] | null | undefined }

/** Returns whether the key with this hash resumes the session. */
export const isResumedBy = ({ keyHash, previousKeyHash }: Sparse<Keys>, hash: string): boolean =>
  keyHash === hash || previousKeyHash?.split('\n').includes(hash) === true

/** Returns the keys after the key `resumes` has resumed the session, and the client is about to receive the key `next`. */
export const keysAfter = ({ keyHash }: Pick<Keys, 'keyHash'>, resumes: string, next: string): Keys => ({
  keyHash: next,
  previousKeyHash: resumes === keyHash ? resumes : `${resumes}\n${keyHash}`,
})

/** Returns what is changed in a session that `connectionId` carries from now on. */
export const attached = (connectionId: string, resumableFor: number): Connected => ({
  ...{ connectionId, detached: null, resumableFor, expiresAt: null, offlineAt: null, offline: false },
})

/**
 * Returns what is changed in a session whose connection is lost. `number` is that of the detachment, unless the session has one. Perhaps
 * the connection was lost some time ago, at `lostAt`.
 */
export const detached = (
  { detached, resumableFor, offline, offlineAt }: Sparse<Connected> & Pick<Connected, 'resumableFor'>,
  number: number,
  now: number,
  lostAt = now,
): Connected => ({
  connectionId: null,
  detached: detached ?? number,
  resumableFor,
  expiresAt: now + resumableFor,
  offlineAt: offline === true ? (offlineAt ?? null) : lostAt + engineRules.offlineAfter,
  offline: offline === true,
})

/** Returns whether the resume window is over, so that the session ends. */
export const isOver = ({ expiresAt }: Sparse<Connected>, now: number): boolean =>
  (expiresAt ?? Infinity) <= now

/** Returns whether the session ceases at `now` to make its user online. */
export const goesOffline = ({ offlineAt, offline }: Sparse<Connected>, now: number): boolean =>
  offline !== true && (offlineAt ?? Infinity) <= now
