import type { PartContext } from '../attach-part.js'

/** Asks the user for the permission. Rejects with `notifications-denied` or `notifications-unsupported`. */
export const requestPermission = async (SessionError: PartContext['SessionError']): Promise<void> => {
  // Absent over plain http, and in Safari on iOS outside of an installed app.
  if (!('Notification' in globalThis)) throw new SessionError('notifications-unsupported')
  if ((await Notification.requestPermission()) !== 'granted') throw new SessionError('notifications-denied')
}
