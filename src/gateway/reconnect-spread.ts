/** Milliseconds over which the clients of a drain reconnect: a base, and more for each connection. */
const BASE = 1_000
const EACH = 5
const MAX = 30_000

/** Up to this many sessions may reconnect at once. */
const MAX_AT_ONCE = 100
const MAX_WINDOW = 60_000

/** Returns the milliseconds over which the clients of so many sessions reconnect if their gateway is lost. */
export const reconnectWindow = (sessions: number): number =>
  sessions <= MAX_AT_ONCE ? 0 : Math.min(MAX_WINDOW, EACH * sessions)

/** Returns the random delay of one client of a drain, so that clients don't all reconnect at once. */
export const drainRetryAfter = (resumeWindow: number, connections: number): number =>
  Math.ceil(
    Math.random() *
      // The last client must reconnect while its session is still held.
      Math.min(resumeWindow / 2 || MAX, MAX, BASE + EACH * connections),
  )
