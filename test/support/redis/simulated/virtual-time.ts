// Takes the clock and the timers of this process, for as long as its tests run. The clock jumps to the next timer, so no test waits. Import
// this before files that keep `setTimeout` or `performance`.
import { syncBuiltinESMExports } from 'node:module'
import { after } from 'node:test'
import { takeTimers } from '../../../system/simulation/timers.js'

/** Milliseconds that a request or a reply takes. Without any, a message could have the time of the call that came before it. */
const DELAY = 1

const realTurn = setImmediate
const { clock } = takeTimers(Date.now(), () => undefined)
syncBuiltinESMExports()

let isOver = false
after(() => (isOver = true))

/** Runs the next timer as soon as every promise that can settle has done so. */
const runTimers = (): void => {
  clock.next()
  if (!isOver) realTurn(runTimers)
}
realTurn(runTimers)

/** What a client of a simulated server takes for `delay`. */
export const delay = (arrive: () => void): void => void setTimeout(arrive, DELAY)
