import { ifPossible } from '../../if-possible.js'
import { sessionUrl } from '../websocket.js'
import type { TransportKind } from './race.js'

/** Where `sessionStorage` keeps what worked in this tab, by address. The key is there while a stream has worked. */
export const MEMORY_KEY = 'chat-session-stream'

/**
 * Where `sessionStorage` keeps the endpoint at which a WebSocket has worked in this tab. The first script writes it, which knows no addresses
 * of streams.
 */
export const WEBSOCKET_KEY = 'chat-session-websocket'

/** `only`: WebSockets have opened and brought nothing, so none is tried again. */
export type Memory = 'stream' | 'only'

const readAll = (): Record<string, Memory> =>
  ifPossible(() => JSON.parse(sessionStorage.getItem(MEMORY_KEY) ?? '') as Record<string, Memory> | null) ??
  {}

/** Returns what worked in this tab at an address, or worked last; null if nothing has. */
export const recall = (address: string): Memory | 'websocket' | null => {
  const { [address]: memory } = readAll()
  const hadWebSocket = ifPossible(() => sessionUrl(sessionStorage.getItem(WEBSOCKET_KEY) ?? '') === address)
  return memory ?? (hadWebSocket ? 'websocket' : null)
}

/** A page alone has a tab to remember something for. */
export const remember = (address: string, worked: TransportKind | 'only'): void => {
  if (typeof document === 'undefined') return
  const all = new Map(Object.entries(readAll()))
  if (worked === 'websocket') {
    all.delete(address)
    ifPossible(() => sessionStorage.setItem(WEBSOCKET_KEY, address.replace(/\/v1\/session$/, '')))
  } else all.set(address, worked)
  ifPossible(() =>
    all.size
      ? sessionStorage.setItem(MEMORY_KEY, JSON.stringify(Object.fromEntries(all)))
      : sessionStorage.removeItem(MEMORY_KEY),
  )
}
