// What the rows `start` and `cold` share.
import { openSession, takeTurns, tokenOf } from './setting.mjs'

/** Sessions that are being started at the same time. */
const AT_ONCE = 50

/** Starts and closes a session with each of these tokens, a few at a time. */
const run = async (name, port, tokens) => {
  let next = 0
  const worker = async () => {
    while (next < tokens.length) {
      const socket = await openSession(name, port, tokens[next++])
      socket.terminate()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

/**
 * Measures the server's CPU time for one of `sessions` starts, which follow `warm` others. Each start is that of a new user. Resolves with
 * the results of each server, whose one figure has this name.
 */
export const measureStarts = async (figure, names, { warm, sessions }, options) => {
  const tokens = await Promise.all(
    Array.from({ length: warm + sessions }, (_, index) => tokenOf(`user-${index}`)),
  )
  return takeTurns(names, options, async (name, { port, cpuOf }) => {
    await run(name, port, tokens.slice(0, warm))
    const cpu = await cpuOf(() => run(name, port, tokens.slice(warm)))
    return { [figure]: cpu / sessions }
  })
}
