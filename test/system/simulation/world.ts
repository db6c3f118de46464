import { AsyncLocalStorage } from 'node:async_hooks'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { createRandom, type Random } from './random.js'
import { runAs, takeTimers, type Owner } from './timers.js'

/** The scheduler of a simulation: it owns the clock, the timers and the random numbers of everything in this process. */
export interface World {
  readonly random: Random
  /** Milliseconds since the simulation began. */
  now(): number
  /** The number of timers that have run. */
  steps(): number
  /**
   * Calls `work` as `owner`: its timers, and what its promises do, belong to `owner`. Does nothing if `owner` has crashed. If its process is
   * paused, `work` is called when it goes on, and the result is undefined.
   */
  as<T>(owner: Owner, work: () => T): T | undefined
  /** Stops a process for some milliseconds, as SIGSTOP does. What reaches the process meanwhile waits. */
  pause(owner: Owner, milliseconds: number): void
  /** Does work that takes real time: no virtual time passes until it is done. */
  real<T>(work: () => Promise<T>): Promise<T>
  /** Calls `work` after `delay` milliseconds, whatever crashes meanwhile. */
  after(delay: number, work: () => void): void
  /**
   * Runs timers until `isDone` returns true, which it is asked after each of them, or the time is over. Returns whether it is done. Rejects
   * with the first error that nothing caught.
   */
  run(milliseconds: number, isDone?: () => boolean): Promise<boolean>
  /** The timers of processes and pages that have not crashed: who set each of them, and where. */
  timersLeft(): string[]
}

/** The simulation's date at its begin: tokens and messages have times. */
const BEGIN = Date.UTC(2026, 0, 1)

/** Makes everything in this process draw from `random`: the same seed has to give the same ids. */
const takeRandom = (random: Random): void => {
  const uuid = (): string => {
    const hex = random.bytes(16).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
  }
  const fill = <T extends ArrayBufferView>(view: T): T => {
    random.bytes(view.byteLength).copy(Buffer.from(view.buffer, view.byteOffset, view.byteLength))
    return view
  }
  Math.random = () => random.next()
  Object.assign(crypto, { randomBytes: (length: number) => random.bytes(length), randomUUID: uuid })
  Object.defineProperties(globalThis.crypto, {
    getRandomValues: { value: fill, configurable: true },
    randomUUID: { value: uuid, configurable: true },
  })
}

/** Makes the functions of Web Crypto, which use threads of this process, real work of the simulation. */
const takeCryptography = (real: World['real']): void => {
  const { subtle } = globalThis.crypto
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(SubtleCrypto.prototype)))
    if (typeof value === 'function' && name !== 'constructor')
      Object.defineProperty(subtle, name, {
        value: (...args: unknown[]) =>
          real(() => Reflect.apply(value as (...args: unknown[]) => Promise<unknown>, subtle, args)),
      })
}

/**
 * Takes the clock, the timers and the random numbers of this process, for as long as it lives. Import files of `src/` after this call,
 * because some of them keep `performance`.
 */
export const createWorld = (seed: number): World => {
  const random = createRandom(seed)
  const owners = new AsyncLocalStorage<Owner>()
  const realTurn = setImmediate
  const { clock, pending } = takeTimers(BEGIN, () => owners.getStore())
  takeRandom(random)

  /** How much work that takes real time is not done yet. */
  let unfinished = 0
  let last: Promise<unknown> = Promise.resolve()
  /** One work comes after the other: their order must not depend on the threads that do them. */
  const real = <T>(work: () => Promise<T>): Promise<T> => {
    unfinished += 1
    const done = last.then(work)
    const end = (): void => void (unfinished -= 1)
    last = done.then(end, end)
    return done
  }
  takeCryptography(real)
  // Named imports of Node's modules see the replacements from now on.
  syncBuiltinESMExports()

  let steps = 0
  const errors: unknown[] = []
  process.on('uncaughtException', (error) => errors.push(error))
  process.on('unhandledRejection', (error) => errors.push(error))

  /** Lets every promise that can settle do so. */
  const settle = async (): Promise<void> => {
    do await new Promise<void>((resolve) => void realTurn(resolve))
    while (unfinished > 0)
  }

  const after = (delay: number, work: () => void): void =>
    owners.exit(() => void clock.setTimeout(work, delay))

  return {
    random,
    real,
    now: () => clock.Date.now() - BEGIN,
    steps: () => steps,
    as(owner, work) {
      if (!owner.held) return owner.alive ? owners.run(owner, work) : undefined
      runAs(owner, () => void owners.run(owner, work))
      return undefined
    },
    after,
    pause(owner, milliseconds) {
      const held = new Set<() => void>()
      owner.held = held
      owner.goesOnAt = clock.Date.now() + milliseconds
      after(milliseconds, () => {
        owner.held = undefined
        for (const work of held) after(0, () => runAs(owner, work))
      })
    },
    async run(milliseconds, isDone = () => false) {
      const end = clock.Date.now() + milliseconds
      await settle()
      while (clock.Date.now() <= end && !isDone() && clock.countTimers() > 0) {
        clock.next()
        steps += 1
        await settle()
        if (errors.length > 0) throw errors[0]
      }
      return isDone()
    },
    timersLeft: () =>
      [...pending.values()]
        .filter(({ owner }) => owner.alive)
        .map(({ owner, setAt }) => `${owner.name}: ${setAt.stack}`),
  }
}
