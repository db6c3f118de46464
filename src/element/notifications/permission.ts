import type { ChatSession } from '../../session/index.js'
import type { PartContext } from '../attach-part.js'
import { renewPush } from './push.js'

/**
 * Asks the user for the permission, and subscribes the device if the element has `push`. Rejects with `notifications-denied`,
 * `notifications-unsupported` or `push-unavailable`.
 */
export const requestPermission = async (
  SessionError: PartContext['SessionError'],
  { session }: { session: ChatSession | null },
): Promise<void> => {
  // `Notification` is absent over plain http, and in Safari on iOS outside an installed app.
  if (!('Notification' in globalThis)) throw new SessionError('notifications-unsupported')
  if ((await Notification.requestPermission()) !== 'granted') throw new SessionError('notifications-denied')
  if (session) await renewPush(session)
}
