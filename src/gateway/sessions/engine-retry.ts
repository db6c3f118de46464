/**
 * If the engine could not answer a request, the client repeats the request after a random time between these bounds, in milliseconds. So
 * clients don't all come at once.
 */
const [MIN, MAX] = [1_000, 3_000]

export const engineRetryAfter = (): number => Math.ceil(MIN + (MAX - MIN) * Math.random())
