/* global document */
// Who is online and who types. The gateway tells of those who have written to the user that they are online.
import { element } from './inbox.js'

/** Milliseconds for which a signal says that somebody types, and after which it is sent again. */
const TYPING = { ttl: 5_000, interval: 3_000 }
/** The most people that a session watches. */
const MAX_WATCHED = 100

/** Watches people. Calls `changed` when one of them comes, goes, types, or types no more. */
export const openContacts = (changed) => {
  const online = new Map()
  /** Until when a person types. */
  const typingUntil = new Map()
  let watched
  let signalAt = 0

  document.addEventListener('session-started', () => (watched = undefined))
  document.addEventListener('session-presence', ({ detail }) => {
    for (const { id, online: isOnline } of detail.users) online.set(id, isOnline)
    changed()
  })
  document.addEventListener('session-signal', ({ detail: { signal } }) => {
    if (signal.name !== 'typing') return
    typingUntil.set(signal.from, signal.until)
    changed()
    setTimeout(changed, Math.max(0, signal.until - Date.now()) + 1)
  })

  return {
    /** Watches these people in place of those before. The session watches them again on each connection. */
    watch: (ids) => {
      const users = ids.slice(0, MAX_WATCHED)
      const key = [...users].sort().join()
      if (key === watched) return
      watched = key
      element.watch(users).catch(({ code }) => console.warn(`Not watched: ${code}`))
    },
    /** Undefined while it is unknown. */
    isOnline: (id) => (element.state === 'active' ? online.get(id) : undefined),
    isTyping: (id) => (typingUntil.get(id) ?? 0) > Date.now(),
    /** Tells somebody that the user types, every few seconds. */
    typeTo: (id) => {
      if (Date.now() < signalAt) return
      signalAt = Date.now() + TYPING.interval
      void element.signal(id, 'typing', { ttl: TYPING.ttl }).catch(() => undefined)
    },
    /** The next key is told at once. */
    sent: () => (signalAt = 0),
  }
}
