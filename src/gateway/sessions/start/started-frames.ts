import type { Position, UserRecord } from '../../../engine/index.js'
import type { GatewayFrameOf } from '../../../protocol/index.js'
import type { Admitted } from '../../auth/admission.js'
import type { SessionContext } from '../session-context.js'
import { userOf } from '../user-of.js'
import type { OpenedSession } from './session-start.js'

/** What this gateway can do beyond the first version of the protocol (`can` of `started`), without and with `push` in the app's config. */
const CAN = ['peers', 'signal', 'watch', 'adopt']
const CAN_PUSH = [...CAN, 'push']

/**
 * Returns the frame that tells the client of its session. `pushKey` is the app's key for pushes; undefined for an app without `push`.
 */
export const startedFrame = (
  { settings, reconnectWindow }: SessionContext,
  { ref, resumed, resumeKey, lost, inbox, token, adopted }: OpenedSession,
  user: UserRecord,
  { guest }: Pick<Admitted, 'guest'>,
  { expiresIn, pushKey }: { expiresIn: number | null; pushKey: string | undefined },
): GatewayFrameOf<'started'> => {
  const { resumeWindow, pingInterval, sendWindow } = settings
  const frame: GatewayFrameOf<'started'> = {
    type: 'started',
    sessionId: ref.sessionId,
    user: userOf(user),
    guest,
    resumed,
    resumeKey,
    resumeWindow,
    epoch: inbox.epoch,
    offset: inbox.offset,
    lost,
    unread: inbox.unread,
    expiresIn,
    pingInterval,
    sendWindow,
    reconnectWindow: reconnectWindow(),
    can: pushKey === undefined ? CAN : CAN_PUSH,
  }
  if (token !== undefined) frame.token = token
  if (adopted !== undefined) frame.adopted = adopted
  if (pushKey !== undefined) frame.pushKey = pushKey
  return frame
}

/** Returns the frame that tells the client which parts of its profile are left out; undefined if none is. */
export const profileRefusal = ({
  profileProblems,
}: Pick<Admitted, 'profileProblems'>): GatewayFrameOf<'refused'> | undefined =>
  profileProblems.length > 0
    ? {
        type: 'refused',
        re: 'start',
        code: 'bad-request',
        message: `The session has started without a part of the profile: ${profileProblems.join('; ')}.`,
        retryable: false,
      }
    : undefined

/**
 * Returns the offset after which the client's messages begin: that of its position, or the newest one for a client without a position. A
 * position of another epoch, or beyond the newest message, does not fit this inbox. Then all messages are sent.
 */
export const firstOffset = (position: Position | undefined, { epoch, offset }: Position): number => {
  if (!position) return offset
  return position.epoch === epoch && position.offset <= offset ? position.offset : 0
}
