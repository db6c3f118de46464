/** How many milliseconds late the timers of a gateway may be. */
const MARGIN = 1_000

/** Returns the milliseconds after which a gateway has noticed that a silent connection is dead. See `Heartbeat`. */
export const lossFoundIn = (pingInterval: number): number => 2 * pingInterval + MARGIN
