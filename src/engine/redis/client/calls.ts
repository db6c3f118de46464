import { EngineError } from '../../errors.js'
import { unavailable } from './failures.js'

/** Checks that a call may take, which are 5 seconds. */
const MAX_CHECKS = 10

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })

/** One call of the engine, which may be several commands. */
export class Call {
  readonly startedAt: number
  readonly reject: (error: unknown) => void
  #isOver = false

  constructor(startedAt: number, reject: (error: unknown) => void) {
    this.startedAt = startedAt
    this.reject = reject
  }

  /** Whether it is settled: then it must send nothing more. */
  isOver(): boolean {
    return this.#isOver
  }

  end(): void {
    this.#isOver = true
  }

  /** Waits before the call is tried again. */
  async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds)
  }
}

/**
 * The calls that wait for Redis. Each is rejected after 5 seconds. Checks are counted instead of time: if this process was stopped,
 * replies may wait to be read. One timer is cheaper than one for each call.
 */
export class Calls {
  /** In the order of their start. */
  readonly #calls = new Set<Call>()
  #checks = 0
  #onEmpty: (() => void) | undefined

  /** Rejects with an `EngineError`. */
  add<T>(what: string, work: (call: Call) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const call = new Call(this.#checks, reject)
      this.#calls.add(call)
      const end = (): void => {
        call.end()
        this.#calls.delete(call)
        if (this.#calls.size === 0) this.#onEmpty?.()
      }
      work(call).then(
        (value) => {
          end()
          resolve(value)
        },
        (error: unknown) => {
          end()
          reject(unavailable(what, error))
        },
      )
    })
  }

  /** To be called each half second. */
  check(): void {
    this.#checks += 1
    for (const call of this.#calls) {
      if (this.#checks - call.startedAt <= MAX_CHECKS) return
      this.#end(call, new EngineError('unavailable', 'Redis is unavailable: no reply within 5 seconds.'))
    }
  }

  rejectAll(error: EngineError): void {
    for (const call of this.#calls) this.#end(call, error)
  }

  /** Resolves when no call waits, or after the time. */
  async settled(milliseconds: number): Promise<void> {
    if (this.#calls.size === 0) return
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve))
    await Promise.race([empty, sleep(milliseconds)])
  }

  #end(call: Call, error: EngineError): void {
    call.end()
    this.#calls.delete(call)
    call.reject(error)
  }
}
