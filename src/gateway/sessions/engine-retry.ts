/** Milliseconds after which a client tries again what the engine could not do: a random time, so that they don't all come at once. */
const [MIN, MAX] = [1_000, 3_000]

export const engineRetryAfter = (): number => Math.ceil(MIN + (MAX - MIN) * Math.random())
