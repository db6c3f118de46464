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
  const listener = first.bind(undefined, others) as ServerListener
  server.removeAllListeners(event)
  server.on(event, listener)
  return () => {
    server.off(event, listener)
    for (const other of others) server.on(event, other)
  }
}
