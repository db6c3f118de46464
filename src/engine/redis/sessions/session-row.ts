/**
 * A session's row in the hash `sessions`, which is JSON. A field without a value is absent: no field is null. The id is the row's field in
 * the hash.
 */
export interface SessionRow {
  /**
   * The number of the session's start. In each partition an app has one sequence of numbers for the starts and detachments of sessions, and
   * for the hidings of pages.
   */
  number: number
  startedAt: number
  lastSeenAt: number
  /** The connection that carries the session, and the node of that connection. Both are absent while the session is detached. */
  connectionId?: string | undefined
  nodeId?: string | undefined
  /** The digests of the key with which the page resumes the session, and of the keys that this key has replaced (`Keys`). */
  keyHash: string
  previousKeyHash?: string | undefined
  /** The numbers of the page's hiding and of the session's detachment. */
  hiddenSince?: number | undefined
  detached?: number | undefined
  /**
   * How many connections have carried the session. If there are two rows of one session, the row with the greater `starts` is the newer
   * one.
   */
  starts: number
  /** For how many milliseconds a detached session can be resumed, and until what time. */
  resumableFor: number
  expiresAt?: number | undefined
  /** When a detached session no longer makes its user online, and whether that time has come. */
  offlineAt?: number | undefined
  offline?: boolean | undefined
  /** Whether the session is one of a guest. */
  guest: boolean
  /** The parts of the credential that scripts read. The field `credential` has the whole credential as JSON. */
  authMethod: string
  token?: string | undefined
  issuedAt?: number | undefined
  /** The name of the note, in the Redis hash of the token, that the session uses the token. Absent if the session has no token. */
  tokenUse?: string | undefined
  credential: string
  /** The client's origin, address and name, and the id of the gateway to which the client connected: JSON. */
  facts: string
}

/** The fields of a row that the node of the connection knows. The script `startSession` adds the others. */
export type StartedRow = Omit<SessionRow, 'number' | 'startedAt' | 'lastSeenAt' | 'starts'>
