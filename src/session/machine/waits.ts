import type { Fault, SessionInfo, World } from './state.js'

/*
 * How long the parts of a session wait before their next attempt, in milliseconds. The table in ARCHITECTURE.md says who waits for what.
 */

const FIRST_BACKOFF = 1_000
const MAX_BACKOFF = 30_000
/** The shortest window in which visible pages reconnect. */
const MIN_VISIBLE_WINDOW = 2_000

/**
 * Firefox closes a page's sockets with 1001 as soon as a navigation begins. After this time most of these pages are gone. If the navigation
 * turns out to be a download, the page stays, and reconnects.
 */
export const AFTER_NAVIGATION = 1_000

/** In this time an attempt has to bring `started`, and else it has failed. */
export const ATTEMPT_TIMEOUT = 20_000

/** If no attempt has succeeded after this time, the race of a WebSocket and a stream is loaded. */
export const RACE_AFTER = 1_000

/** The race of a WebSocket and a stream. */
export const raceWaits = {
  /** In this time a WebSocket has to open, and else a stream is begun beside it. */
  open: 4_000,
  /** In this time a WebSocket that is open has to answer the start, and else a stream is begun beside it. */
  answer: 10_000,
  /** While a stream carries the session, or waits for other tabs, a WebSocket is tried after this time. */
  retry: 60_000,
  /** In this time that WebSocket has to open, and then to answer. */
  takeOver: 4_000,
  /** After a race the start of another attempt may still end the winner's connection as `replaced` for this time. */
  contest: 10_000,
}

/** After a refusal without `retryAfter` the outbox sends again after this time. */
export const AFTER_REFUSAL = 1_000

const FIRST_POST_PAUSE = 500
const MAX_POST_PAUSE = 8_000

/** Returns the wait before a stream's post without an answer is repeated: a random part, at least half, of a limit that doubles. */
export const postPause = (failureCount: number, random: number): number =>
  (0.5 + random / 2) * Math.min(MAX_POST_PAUSE, FIRST_POST_PAUSE * 2 ** (failureCount - 1))

/**
 * Returns how long before credentials expire the session fetches others, if they are good for `lifetime`: a tenth of that time, but at least
 * 5 s and at most 60 s. If `lifetime` is under 10 s, it is half of it. Without this rule a source that returns the same token until it
 * expires would be called in a loop.
 */
export const renewalLead = (lifetime: number): number =>
  Math.min(60_000, lifetime / 2, Math.max(5_000, lifetime / 10))

/** Returns the wait after a failure: 0 if `failureCount` is 0, else a random part of a limit that doubles with each failure. */
export const backoff = (failureCount: number, { random }: World): number =>
  failureCount && random * Math.min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** (failureCount - 1))

/**
 * Returns the wait after a connection was lost without a reason. If a gateway crashes, this happens to all its clients, so they reconnect
 * at random times in the window that the gateway gave. Visible pages reconnect early in that window.
 */
export const reconnectSpread = ({ reconnectWindow = 0 }: SessionInfo, { random, hidden }: World): number => {
  if (hidden) return random * reconnectWindow
  return random * Math.min(reconnectWindow, Math.max(reconnectWindow / 5, MIN_VISIBLE_WINDOW))
}

/** Returns the wait before the next attempt to connect. `spread` is the result of `reconnectSpread` where that applies. */
export const reconnectWait = (
  { retryAfter }: Fault,
  connectFailures: number,
  spread: number,
  world: World,
): number => retryAfter ?? Math.max(spread, backoff(connectFailures, world))
