/* global document */
// Who is online and who types. The gateway tells of those who have written to the user that they are online.
import { element, textIn } from './inbox.js'

/** Milliseconds for which a signal says that somebody types, and after which it is sent again. */
const TYPING = { ttl: 5_000, interval: 3_000 }

/** Watches people. Calls `changed` when one of them comes, goes, types, or types no more. */
export const openContacts = (ids, changed) => {
  const online = new Map()
  /** Until when a person types, by the person and the product of the thread. */
  const typingUntil = new Map()
  let signalAt = 0

  const watch = () => void element.watch(ids).catch(({ code }) => console.warn(`Not watched: ${code}`))
  document.addEventListener('session-started', watch)
  document.addEventListener('session-presence', ({ detail }) => {
    for (const { id, online: isOnline } of detail.users) online.set(id, isOnline)
    changed()
  })
  document.addEventListener('session-signal', ({ detail: { signal } }) => {
    if (signal.name !== 'typing') return
    typingUntil.set(`${signal.from} ${textIn(signal, 'product')}`, signal.until)
    changed()
    setTimeout(changed, Math.max(0, signal.until - Date.now()) + 1)
  })
  if (element.state === 'active') watch()

  return {
    /** Undefined while it is unknown. */
    isOnline: (id) => (element.state === 'active' ? online.get(id) : undefined),
    isTyping: (id, product) => (typingUntil.get(`${id} ${product}`) ?? 0) > Date.now(),
    /** Tells somebody that the user types, every few seconds. */
    typeTo: (id, product) => {
      if (Date.now() < signalAt) return
      signalAt = Date.now() + TYPING.interval
      void element.signal(id, 'typing', { ttl: TYPING.ttl, data: { product } }).catch(() => undefined)
    },
    /** The next key is told at once. */
    sent: () => (signalAt = 0),
  }
}
