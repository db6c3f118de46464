import type { AuthMethod } from '../../engine/index.js'
import { pageCloseCodes, type ClientFrameOf, type EndCode } from '../../protocol/index.js'
import type { Metrics } from '../metrics/metrics.js'

/** How a connection was closed: the code of its `ended`, `left` if the page was left, or `lost` if it closed in another way. */
export type CloseReason = EndCode | 'left' | 'lost'

/** The close codes of a page that may come back: its session waits for the page for `leaveWindow`. */
const pageLeftCodes: readonly number[] = Object.values(pageCloseCodes)

/** Returns how a client closed its socket. */
export const closeReasonOf = (code: number): 'left' | 'lost' =>
  pageLeftCodes.includes(code) ? 'left' : 'lost'

/** A start that has no result yet. */
export interface PendingStart {
  readonly app: string
  readonly authMethod: AuthMethod | 'none'
  /** The length of the start frame. */
  readonly bytes: number
  /** When the start frame came, on the monotonic clock. */
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

/** Counts a closed connection. If its start has no result, counts the start, too. */
export const countClosed = (
  { ends, starts }: Metrics,
  app: string,
  start: PendingStart | undefined,
  reason: CloseReason,
): void => {
  ends.inc({ app, code: reason })
  if (start) starts.inc({ app: start.app, way: start.authMethod, result: reason })
}
