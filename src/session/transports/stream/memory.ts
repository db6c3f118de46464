import { ifPossible } from '../../util/if-possible.js'
import type { TransportKind } from './race.js'

/** Where `sessionStorage` keeps what worked in this tab, by address. The key is there while a stream has worked. */
export const MEMORY_KEY = 'chat-session-stream'

/** `only`: WebSockets have opened and brought nothing, so none is tried again. */
export type Memory = 'stream' | 'only'

const readAll = (): Record<string, Memory> =>
  ifPossible(() => JSON.parse(sessionStorage.getItem(MEMORY_KEY) ?? '') as Record<string, Memory> | null) ??
  {}

/** Returns what worked in this tab at an address; null if no stream has. */
export const recall = (address: string): Memory | null => {
  const { [address]: memory = null } = readAll()
  return memory
}

/** A page alone has a tab to remember something for. */
export const remember = (address: string, worked: TransportKind | 'only'): void => {
  if (typeof document === 'undefined') return
  const all = new Map(Object.entries(readAll()))
  if (worked === 'websocket') all.delete(address)
  else all.set(address, worked)
  ifPossible(() =>
    all.size
      ? sessionStorage.setItem(MEMORY_KEY, JSON.stringify(Object.fromEntries(all)))
      : sessionStorage.removeItem(MEMORY_KEY),
  )
}
