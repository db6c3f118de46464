import { ifPossible } from '../../util/if-possible.js'
import { sessionUrl } from '../websocket.js'
import type { TransportKind } from './race.js'
import { toJson } from '../../util/to-json.js'

/*
 * What has worked in this tab: `sessionStorage` has it for the next page.
 */

/** The key under which a tab notes the addresses at which a stream has worked. Without such an address there is no item. */
const STREAM_KEY = 'chat-session-stream'
/** The key under which a tab notes the endpoint at which a WebSocket has worked. */
export const WEBSOCKET_KEY = 'chat-session-websocket'

/** `only`: a stream has worked, but no WebSocket that opened has brought a frame. So no WebSocket is tried again. */
export type Memory = 'stream' | 'only'

/** Returns whether a stream has worked at any address. */
export const hasStreamWorked = (): boolean =>
  ifPossible(() => sessionStorage.getItem(STREAM_KEY) !== null) ?? false

export const noteWebSocket = (endpoint: string | URL): void => {
  ifPossible(() => sessionStorage.setItem(WEBSOCKET_KEY, String(endpoint)))
}

const readStreams = (): Record<string, Memory> =>
  ifPossible(() => JSON.parse(sessionStorage.getItem(STREAM_KEY) ?? '') as Record<string, Memory> | null) ??
  {}

/** Returns what worked last in this tab at an address; null if nothing has. */
export const recall = (address: string): Memory | 'websocket' | null => {
  const { [address]: memory } = readStreams()
  if (memory) return memory
  const isNoted = ifPossible(() => sessionUrl(sessionStorage.getItem(WEBSOCKET_KEY) ?? '') === address)
  return isNoted ? 'websocket' : null
}

/** Notes what worked at an address. Only a page has a tab, so a worker and Node note nothing. */
export const remember = (address: string, worked: TransportKind | 'only'): void => {
  if (typeof document === 'undefined') return
  const streams = new Map(Object.entries(readStreams()))
  if (worked === 'websocket') {
    streams.delete(address)
    noteWebSocket(address.replace(/\/v1\/session$/, ''))
  } else streams.set(address, worked)
  ifPossible(() =>
    streams.size
      ? sessionStorage.setItem(STREAM_KEY, toJson(Object.fromEntries(streams)))
      : sessionStorage.removeItem(STREAM_KEY),
  )
}
