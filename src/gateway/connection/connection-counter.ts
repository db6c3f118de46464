import type { AuthMethod } from '../../engine/index.js'
import { pageCloseCodes, type ClientFrameOf, type EndCode } from '../../protocol/index.js'
import type { Metrics } from '../metrics/metrics.js'

/** How a connection was closed: the code of the `ended` frame; `left` if the page was left; `lost` in every other case. */
export type CloseReason = EndCode | 'left' | 'lost'

/** The close codes of a page that was left. Its session waits for the page until `leaveWindow` is over. */
const pageLeftCodes: readonly number[] = Object.values(pageCloseCodes)

/** Returns what this close code of a client means. */
export const closeReasonOf = (code: number): 'left' | 'lost' =>
  pageLeftCodes.includes(code) ? 'left' : 'lost'

/** The start of a session, before its result is known. */
export interface PendingStart {
  readonly app: string
  readonly authMethod: AuthMethod | 'none'
  /** The length of the `start` frame. */
  readonly bytes: number
  /** When the `start` frame came, on the monotonic clock. */
  readonly at: number
}

const authMethods: readonly AuthMethod[] = ['token', 'signature', 'authParams', 'guest']

/** Creates a pending start. An unknown app id counts as no app, because a client may send any text. */
export const pendingStart = (
  frame: ClientFrameOf<'start'>,
  bytes: number,
  apps: ReadonlyMap<string, unknown>,
): PendingStart => ({
  app: apps.has(frame.appId) ? frame.appId : '',
  authMethod: authMethods.find((method) => frame[method] !== undefined) ?? 'none',
  bytes,
  at: performance.now(),
})

export const countStarted = (
  { starts, startSeconds }: Metrics,
  { app, authMethod, at }: PendingStart,
): void => {
  starts.inc({ app, way: authMethod, result: 'started' })
  startSeconds.observe((performance.now() - at) / 1_000, { way: authMethod })
}

/** Counts a closed connection. Also counts `start`, which is given if the session did not start. */
export const countClosed = (
  { ends, starts }: Metrics,
  app: string,
  start: PendingStart | undefined,
  reason: CloseReason,
): void => {
  ends.inc({ app, code: reason })
  if (start) starts.inc({ app: start.app, way: start.authMethod, result: reason })
}
