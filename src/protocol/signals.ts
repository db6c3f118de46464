/** The bounds of a signal: `name` in characters, `data` in bytes as JSON, `ttl` and its default in milliseconds. */
export const signalLimits = { name: 32, data: 1_024, ttl: 30_000, defaultTtl: 5_000 } as const

/** How many users one connection may watch. */
export const MAX_WATCHED = 100
