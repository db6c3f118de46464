import type { GatewayFrame } from '../../../protocol/index.js'
import type { StartFrame } from '../connection.js'
import { recall, remember } from './memory.js'
import { transportKinds, type RaceWorld, type TransportKind } from './race.js'

/** What is known before the first race of a session. */
interface Past {
  /** The address of the session: `wss://HOST/v1/session`. */
  address: string
  /** The transports that the page may use. */
  wanted: readonly TransportKind[]
  /** The attempts that have failed, and the connections that were lost, in a row. */
  failures: number
  /** Whether there is a session to resume. */
  hasSession: boolean
  /** Whether the gateway ended the last connection because it had heard nothing on it. */
  wasUnheard: boolean
}

/** What the attempts of a session have shown about its transports. */
export interface TransportRecord {
  world(): RaceWorld
  /** The page's Content-Security-Policy blocks this transport, so it is not tried again. */
  bar(kind: TransportKind): void
  /** The gateway has no streams, so none is tried again, unless the page allows only streams. */
  noStreams(): void
  /** An attempt has brought no frame. */
  failed(): void
  /** A frame of this transport was handed to the session. `isHeard`: the gateway has answered the session on this connection. */
  brought(frame: GatewayFrame, by: TransportKind, winner: TransportKind | null, isHeard: boolean): void
  /** No WebSocket is tried again in this tab. */
  stayOnStream(): void
  /**
   * Lets all further attempts resume with the key of this start, until a session starts. Called when the start of another attempt or
   * transport came late and replaced the winner's connection.
   */
  keepKey(start: StartFrame | null): void
  /** Returns the start with the key of `keepKey`. */
  withKey(start: StartFrame): StartFrame
}

export const createRecord = ({
  address,
  wanted,
  failures,
  hasSession,
  wasUnheard,
}: Past): TransportRecord => {
  const barred = new Set<TransportKind>()
  let isAbsent = false
  let keptKey: string | undefined
  // If the tab noted nothing, a WebSocket carried the resumed session: only races open streams, and this is the first one.
  let worked = recall(address) ?? (hasSession ? 'websocket' : null)
  if (wasUnheard && worked === 'websocket') worked = null
  // `failures` also counts connections that were lost before they were stable. Here they do not count: their WebSockets opened.
  if (hasSession && !wasUnheard) failures = 0

  const isAllowed = (kind: TransportKind): boolean =>
    !barred.has(kind) && !(isAbsent && kind === 'stream' && wanted.length > 1)

  return {
    world: () => ({ kinds: wanted.filter(isAllowed), worked, failures }),
    bar: (kind) => void barred.add(kind),
    noStreams: () => void (isAbsent = true),
    failed: () => void (failures += 1),
    brought(frame, by, winner, isHeard) {
      if (frame.type === 'ended') {
        // The network passed on the handshake or the start, but swallows what the client sends after that.
        const isFailure = by === 'websocket' && !isHeard && frame.code === 'timeout'
        failures = isFailure ? failures + 1 : 0
        if (isFailure && winner) worked = null
        // Only the stream has reached the gateway, so it counts as what works.
        if (by === 'stream' && !winner) worked ??= by
        return
      }
      failures = 0
      if (frame.type !== 'started') return
      keptKey = undefined
      if (worked === 'only') return
      worked = by
      remember(address, by)
    },
    stayOnStream() {
      worked = 'only'
      remember(address, worked)
    },
    keepKey: (start) => void (keptKey = start?.resume?.key),
    withKey(start) {
      const { resume } = start
      return resume && keptKey ? { ...start, resume: { ...resume, key: keptKey } } : start
    },
  }
}

/** Returns the transports in the option `transports`; all, if it names none. */
export const wantedKinds = (
  transports: readonly string[] | string | null | undefined,
): readonly TransportKind[] => {
  const named = transportKinds.filter((kind) => transports?.includes(kind))
  return named.length ? named : transportKinds
}
