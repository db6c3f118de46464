import type { Server } from 'node:http'

type ServerListener = (...args: unknown[]) => void

/**
 * Replaces the listeners of an event by `first`, which gets them as `others` and decides whether they are called. Two listeners that
 * respond to one request would break the response, and a WebSocket server of `ws` responds with 400 to every path but its own. Returns a
 * function that restores the listeners.
 */
export const intercept = (
  server: Server,
  event: 'request' | 'upgrade',
  first: (others: readonly ServerListener[], ...args: never[]) => void,
): (() => void) => {
  const others = server.listeners(event) as ServerListener[]
  const intercepted = first.bind(undefined, others) as ServerListener
  let isRestored = false
  const listener: ServerListener = (...args) => {
    if (!isRestored || others.length === 0) intercepted(...args)
    else for (const other of others) other.apply(server, args)
  }
  server.removeAllListeners(event)
  server.on(event, listener)
  return () => {
    isRestored = true
    // Other code, such as another gateway, may have replaced this listener since, and calls it. If the other listeners were on the server
    // too, they would be called twice.
    if (!server.listeners(event).includes(listener)) return
    server.off(event, listener)
    for (const other of others) server.on(event, other)
  }
}
