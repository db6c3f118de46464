import type { Active, Effect, Fault, State, Step, World } from './state.js'

/** The gateway's ping may be late by this many milliseconds. */
const PING_GRACE = 10_000
const LONGEST_PAUSE = 30_000

/** At once first, then anything up to a limit that doubles (full jitter), so that a crowd spreads out. */
export const pauseAfter = (failures: number, { random }: World): number =>
  failures && random * Math.min(LONGEST_PAUSE, 1_000 * 2 ** (failures - 1))

/**
 * When credentials with `life` milliseconds left lapse, and when to ask for others: a tenth before, 5 s to 60 s. What
 * lives less than 10 s is renewed at half-time: a source that gives the same token until it lapses is not asked in a loop.
 */
export const lifeOf = (life: number | null, { now }: World): Pick<Active, 'lapsesAt' | 'renewal'> =>
  life === null
    ? { lapsesAt: null, renewal: null }
    : {
        lapsesAt: now + life,
        renewal: {
          at: 'due',
          time: now + life - Math.min(60_000, life / 2, Math.max(5_000, life / 10)),
          reason: 'expiring',
        },
      }

/** What every frame puts off: the moment at which a silent connection counts as dead. */
export const heardNow = (pingInterval: number, { now }: World): Pick<Active, 'silentAt' | 'overslept'> => ({
  silentAt: now + pingInterval + PING_GRACE,
  overslept: false,
})

/** What was a session has ended; a start that never succeeded has failed. */
export const over = (state: State, error: Fault, ...effects: Effect[]): Step => [
  { name: state.name === 'starting' ? 'failed' : 'ended', error },
  ...effects,
]

/** Does one thing before all that a step has done. */
export const first = (effect: Effect, [state, ...effects]: Step): Step => [state, effect, ...effects]

/** An ask that failed is made again: its reason is for the page to see. */
export const reportMiss = (cause: unknown): Effect => ({
  do: 'report',
  fault: { code: 'unavailable', message: String(cause), cause },
})

/** Takes leave of the gateway. */
export const leave: Effect[] = [{ do: 'send', frame: { type: 'end' } }, { do: 'drop' }]
