// The rows of `npm run bench`, in the order in which they are measured and shown.
import cold from './cold.mjs'
import crowd from './crowd.mjs'
import delivery from './delivery.mjs'
import eventLoop from './event-loop.mjs'
import fanOut from './fan-out.mjs'
import growth from './growth.mjs'
import idleCpu from './idle-cpu.mjs'
import idleMemory from './idle-memory.mjs'
import jitter from './jitter.mjs'
import message from './message.mjs'
import replay from './replay.mjs'
import restart from './restart.mjs'
import roundTrips from './round-trips.mjs'
import scriptEvaluation from './script-evaluation.mjs'
import scriptSize from './script-size.mjs'
import start from './start.mjs'
import swallowed from './swallowed.mjs'
import window from './window.mjs'

/**
 * By its name, each row: `title`; `method`, one or two sentences; `figures`, by their names `{ unit, base, targets, isAbsolute }`, where
 * `base` is the contestant whose median is 1 and a target is the highest ratio that a contestant should have (without a base, or with
 * `isAbsolute`, the highest median);
 * `mostRounds`, if more would take too long; `profiled`, the contestants whose first figure can be profiled; and
 * `measure({ rounds, isQuick, … })`, which passes its options to `takeTurns` and resolves with the results of each contestant, an array of
 * `{ figure: number }`. A smaller number is better.
 */
export const rows = {
  start,
  cold,
  crowd,
  message,
  delivery,
  replay,
  'fan-out': fanOut,
  jitter,
  restart,
  'idle-memory': idleMemory,
  'idle-cpu': idleCpu,
  growth,
  'event-loop': eventLoop,
  'script-size': scriptSize,
  'script-evaluation': scriptEvaluation,
  'round-trips': roundTrips,
  swallowed,
  window,
}
