import { ifPossible } from '../../util/if-possible.js'
import { sessionUrl } from '../websocket.js'
import type { TransportKind } from './race.js'

/**
 * The key of `sessionStorage` under which a tab notes the addresses at which a stream has worked. Without such an address there is no item.
 */
export const MEMORY_KEY = 'chat-session-stream'

/**
 * The key of `sessionStorage` under which a tab notes the endpoint at which a WebSocket has worked. The runner (session/runner.ts) writes
 * this item, too.
 */
export const WEBSOCKET_KEY = 'chat-session-websocket'

/** `only`: a stream has worked, but no WebSocket that opened has brought a frame. So no WebSocket is tried again. */
export type Memory = 'stream' | 'only'

const readAll = (): Record<string, Memory> =>
  ifPossible(() => JSON.parse(sessionStorage.getItem(MEMORY_KEY) ?? '') as Record<string, Memory> | null) ??
  {}

/** Returns what worked last in this tab at an address; null if nothing has. */
export const recall = (address: string): Memory | 'websocket' | null => {
  const { [address]: memory } = readAll()
  const hadWebSocket = ifPossible(() => sessionUrl(sessionStorage.getItem(WEBSOCKET_KEY) ?? '') === address)
  return memory ?? (hadWebSocket ? 'websocket' : null)
}

/** Notes what worked at an address. Only a page has a tab, so a worker and Node note nothing. */
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
