import type { Log } from '../log.js'
import { isPrivateAddress } from './private-address.js'
import type { RateLimiter } from './rate-limiter.js'

/** The code of the `ended` frame of a socket that is closed because of a limit. */
export type SocketRefusal = 'unavailable' | 'rate-limited'

/** An open socket, from its acceptance on. */
export interface Slot {
  /** Set if a limit refuses this socket. Then the socket gets no session, and is closed with this code. */
  refusal: SocketRefusal | undefined
  /** Makes room for another socket: closes this socket. If its server has other listeners too, only stops counting the socket. */
  evict: (refusal: SocketRefusal) => void
  readonly remoteAddress: string
  /** What `addressKey` returns for the client's address; undefined until the address is known, and for a proxy. */
  address: string | undefined
  /** Whether the socket has a session. It stays true when the session ends, because the socket closes then. */
  hasSession: boolean
  /** Whether the socket is no longer counted. */
  isReleased: boolean
}

export type ConnectionLimits = ReturnType<typeof createConnectionLimits>

interface Limits {
  connections: number
  connectionsPerAddress: number
  connectionsPerSecondPerAddress: number
}

/** How many proxies are exempt from the limits of an address. There is a limit, so that a client can't fill the memory. */
const MAX_PROXIES = 1_000

const FORWARDED_FROM_PROXY =
  'a proxy sends forwarded headers, but listen.trustProxy is 0: its address counts for no limit until listen.trustProxy is set'
const FORWARDED_FROM_INTERNET =
  'a peer on the internet sends forwarded headers, but listen.trustProxy is 0: if it is your proxy, set listen.trustProxy, since all its clients count as one address'

/** The sockets of one address. */
interface Address {
  sockets: number
  /** How many of the sockets have a session. */
  sessions: number
  /** The sockets without a session, the oldest first. */
  readonly opening: Set<Slot>
}

/**
 * Returns the key of an address for the limits: the IPv4 address, or the /64 network of an IPv6 address, because one client may use all
 * addresses of such a network.
 */
export const addressKey = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? []
  const groups = head.split(':').filter(Boolean)
  const after = tail?.split(':').filter(Boolean) ?? []
  while (tail !== undefined && groups.length + after.length < 8) groups.push('0')
  return [...groups, ...after]
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(':')
}

/** The `evict` of a socket that has a session. */
const neverEvicted = (): void => undefined

/** Returns the oldest of `slots` except `self`. */
const oldest = (slots: ReadonlySet<Slot>, self: Slot): Slot | undefined => {
  for (const slot of slots) if (slot !== self) return slot
  return undefined
}

/**
 * Creates the limits. `current` is called for each socket, because a reload of the config changes the limits. `onReached` is called when a
 * new socket exceeds a limit.
 */
export const createConnectionLimits = (
  current: () => Limits,
  rateLimiter: RateLimiter,
  log: Log,
  onReached: (limit: keyof Limits) => void,
) => {
  const addresses = new Map<string, Address>()
  const proxies = new Set<string>()
  let hasWarned = false
  /** All sockets without a session, the oldest first. */
  const opening = new Set<Slot>()
  let sockets = 0
  /** How many of the sockets have a session. */
  let sessions = 0

  const leaveOpening = (slot: Slot): void => {
    opening.delete(slot)
    if (slot.address !== undefined) addresses.get(slot.address)?.opening.delete(slot)
  }

  /**
   * Closes the oldest of `slots` except `self`. Refuses `self` if there is no such slot, or if the sessions alone reach the limit: then
   * closing a socket without a session makes no room for another session.
   */
  const makeRoom = (
    slots: ReadonlySet<Slot>,
    self: Slot,
    refusal: SocketRefusal,
    areSessionsFull: boolean,
  ): void => {
    const evicted = oldest(slots, self)
    if (!evicted || areSessionsFull) self.refusal = refusal
    if (!evicted) return
    leaveOpening(evicted)
    evicted.evict(refusal)
  }

  /** Lifts a refusal if sessions have ended since. A proxy may send a later request on a socket that was refused. */
  const recheck = (slot: Slot): void => {
    if (slot.refusal === 'unavailable' && sessions < current().connections) slot.refusal = undefined
  }

  const uncount = (slot: Slot): void => {
    if (slot.address === undefined) return
    const address = addresses.get(slot.address)
    if (address) {
      address.sockets -= 1
      if (slot.hasSession) address.sessions -= 1
      address.opening.delete(slot)
      if (address.sockets === 0) addresses.delete(slot.address)
    }
    slot.address = undefined
  }

  /**
   * Counts a socket for its client's address. A trusted proxy may send requests of several clients on one socket. Each time the address
   * changes, the socket counts only for the new address.
   */
  const identify = (slot: Slot, clientAddress: string): void => {
    recheck(slot)
    const key = addressKey(clientAddress)
    if (slot.isReleased || slot.hasSession || slot.address === key || proxies.has(slot.remoteAddress)) return
    uncount(slot)
    // The previous client of the socket was refused, but the new client may be within the limits.
    if (slot.refusal === 'rate-limited') slot.refusal = undefined
    const { connectionsPerAddress, connectionsPerSecondPerAddress } = current()
    const address = addresses.get(key) ?? { sockets: 0, sessions: 0, opening: new Set<Slot>() }
    addresses.set(key, address)
    slot.address = key
    address.sockets += 1
    address.opening.add(slot)
    if (rateLimiter.take('connectionsPerSecondPerAddress', key, connectionsPerSecondPerAddress) > 0) {
      slot.refusal = 'rate-limited'
      onReached('connectionsPerSecondPerAddress')
    } else if (address.sockets > connectionsPerAddress) {
      makeRoom(address.opening, slot, 'rate-limited', address.sessions >= connectionsPerAddress)
      onReached('connectionsPerAddress')
    }
  }

  return {
    /**
     * Counts a socket that was accepted. `clientAddress` is undefined if only a request will tell it. Beyond a limit of open sockets the
     * oldest other socket without a session is closed; if there is none, the new socket is refused. Beyond the limit of new sockets in a
     * second the new socket is refused.
     */
    accept(remoteAddress: string, evict: Slot['evict'], clientAddress: string | undefined): Slot {
      const slot: Slot = {
        refusal: undefined,
        evict,
        remoteAddress,
        address: undefined,
        hasSession: false,
        isReleased: false,
      }
      sockets += 1
      opening.add(slot)
      if (clientAddress !== undefined) identify(slot, clientAddress)
      const { connections, connectionsPerAddress } = current()
      const own = slot.address === undefined ? undefined : addresses.get(slot.address)
      if (slot.refusal !== undefined && own) {
        // A refused socket is closed only at its first request, which perhaps never comes. Other clients must not lose sockets for it, so
        // only sockets of its address make room for it.
        if (sockets > connections || own.sockets > connectionsPerAddress)
          makeRoom(own.opening, slot, slot.refusal, true)
      } else if (sockets > connections) {
        makeRoom(opening, slot, 'unavailable', sessions >= connections)
        onReached('connections')
      }
      return slot
    },
    identify,
    /**
     * Called when a peer has sent forwarded headers although no proxy is trusted. If the peer's address is private, the peer is the
     * operator's proxy, and counts for no limit of an address. A peer on the internet may have made up the header, and counts as before.
     */
    onForwarded(slot: Slot): void {
      // Only a process on this machine reaches a Unix socket, whose peers have no address.
      if (slot.remoteAddress !== 'unknown' && !isPrivateAddress(slot.remoteAddress)) {
        if (!hasWarned) log.error({ address: slot.remoteAddress }, FORWARDED_FROM_INTERNET)
        hasWarned = true
        return identify(slot, slot.remoteAddress)
      }
      if (!proxies.has(slot.remoteAddress)) {
        if (proxies.size >= MAX_PROXIES) return identify(slot, slot.remoteAddress)
        proxies.add(slot.remoteAddress)
        log.error({ address: slot.remoteAddress }, FORWARDED_FROM_PROXY)
      }
      uncount(slot)
      recheck(slot)
      if (slot.refusal === 'rate-limited') slot.refusal = undefined
    },
    /** Called when the socket has a session. From then on it is not closed to make room for others. */
    start(slot: Slot): void {
      leaveOpening(slot)
      // The previous `evict` would keep objects in memory for as long as the session lasts.
      slot.evict = neverEvicted
      if (slot.hasSession || slot.isReleased) return
      slot.hasSession = true
      sessions += 1
      const address = slot.address === undefined ? undefined : addresses.get(slot.address)
      if (address) address.sessions += 1
    },
    /** Returns how many sockets are counted. */
    size: (): number => sockets,
    /** Stops counting a socket that is closed, or that was refused and will close. A second call does nothing. */
    release(slot: Slot): void {
      if (slot.isReleased) return
      slot.isReleased = true
      sockets -= 1
      if (slot.hasSession) sessions -= 1
      opening.delete(slot)
      uncount(slot)
    },
  }
}
