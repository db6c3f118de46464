import { EngineError } from '../../errors.js'
import { parseAddress, type Address } from './options.js'

/** There is no connection, or it was lost before the reply. */
export class ConnectionFailure extends Error {
  /** Whether the server may have received the command. */
  readonly sent: boolean
  /** Whether the next attempt to connect waits, because the latest one has failed. */
  readonly isPausing: boolean

  constructor(
    message: string,
    { sent = false, isPausing = false, cause }: { sent?: boolean; isPausing?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.sent = sent
    this.isPausing = isPausing
  }
}

/** The attempt to connect has no answer at all. */
export class UnreachableError extends Error {}

/** Whether a call has failed because no server answers at its address, so that nothing is known about the server. */
export const isUnreachable = (error: unknown): boolean => {
  const cause = error instanceof EngineError && error.cause instanceof ConnectionFailure && error.cause.cause
  if (!(cause instanceof Error)) return false
  return (
    cause instanceof UnreachableError ||
    ['connect', 'getaddrinfo'].includes((cause as NodeJS.ErrnoException).syscall ?? '')
  )
}

const UNTRUSTED = "no trusted authority has signed the server's certificate"

/**
 * Why a TLS connection has failed, by the error codes of Node and OpenSSL. Most messages of these errors do not say whose certificate is
 * wrong.
 */
const tlsReasons: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is not valid for this host",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server demands a certificate of its clients',
}

/** Returns why there is no connection, in words for the log. */
export const connectionReason = (error: Error): string => {
  const reason = tlsReasons[(error as NodeJS.ErrnoException).code ?? '']
  return reason === undefined ? error.message : `${reason}: ${error.message}`
}

/** Returns the first word of an error reply, for example `READONLY`; empty for any other error. */
export const replyCode = (error: unknown): string =>
  error instanceof Error && error.name === 'ReplyError' ? (error.message.split(' ', 1)[0] ?? '') : ''

/** Whether the ACL forbids the command, a key or a channel. */
export const isForbidden = (error: unknown): error is Error => replyCode(error) === 'NOPERM'

/** Whether the server refuses the command itself, and not only for now. */
export const isRefused = (error: unknown): boolean => ['ERR', 'NOPERM'].includes(replyCode(error))

/** Returns the server that a reply MOVED or ASK names; undefined for any other error. `from` is the server that has replied. */
export const redirectOf = (error: unknown, from: Address): Address | undefined =>
  error instanceof Error && ['MOVED', 'ASK'].includes(replyCode(error))
    ? parseAddress(error.message.split(' ')[2] ?? '', from)
    : undefined

const reasons: Record<string, string> = {
  READONLY: 'the server is a replica',
  OOM: 'the server is out of memory',
  LOADING: 'the server still loads its data',
  BUSY: 'the server is busy with another script',
  CLUSTERDOWN: 'the cluster does not serve this key',
  MASTERDOWN: 'the server has lost its master',
  MISCONF: 'the server can not write to its disk',
  NOREPLICAS: 'the server has too few replicas',
  NOAUTH: 'the server demands a password',
  WRONGPASS: 'the server does not accept the password',
  NOPERM: 'the user of the ACL may not do this',
}

/** Whether a call has failed because of the server, so that calls for other keys there fail too. False if the data of the call are bad. */
export const isOfServer = (error: unknown): boolean => {
  const code = replyCode(error instanceof EngineError ? error.cause : error)
  return code === '' || Object.hasOwn(reasons, code)
}

/** Whether a failed script has perhaps changed data, because its reply was lost or did not come in time. False after an error reply. */
export const mayHaveRun = (error: unknown): boolean => {
  const cause = error instanceof EngineError ? error.cause : error
  if (cause instanceof ConnectionFailure) return cause.sent
  return replyCode(cause) === ''
}

/**
 * Whether a script has failed because the history of its server is not settled (`scripts/state/history.ts`). Such a script must run again after
 * `noteState` has succeeded.
 */
export const isUnsettled = (error: unknown): boolean =>
  error instanceof EngineError && replyCode(error.cause) === 'UNSETTLED'

/** Returns the `EngineError` with which a failed call of Redis is rejected. */
export const unavailable = (what: string, error: unknown): EngineError => {
  if (error instanceof EngineError) return error
  const message = error instanceof Error ? error.message : String(error)
  const reason = reasons[replyCode(error)]
  return new EngineError(
    'unavailable',
    `Redis is unavailable (${what}): ${reason === undefined ? message : `${reason}: ${message}`}`,
    { cause: error },
  )
}
