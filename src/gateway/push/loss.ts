/** Milliseconds that the timers of a gateway may be late. */
const MARGIN = 1_000

/** Returns the milliseconds in which a gateway finds that a silent connection is dead. See `Heartbeat`. */
export const lossFoundIn = (pingInterval: number): number => 2 * pingInterval + MARGIN
