import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from '../../errors.js'
import { unavailable } from './failures.js'

/** How many checks a call may last. Checks come each half second. The one after these rejects the call, 5 to 5.5 s after its start. */
const MAX_CHECKS = 10

/** One call of the engine, for which the client may send several commands. */
export interface Call {
  /** Whether the call has resolved or was rejected. After that the client must send nothing more for it. */
  isOver(): boolean
  /** Must be called before a script that may have run is sent again. */
  onRepeat?: (() => void) | undefined
}

interface WaitingCall extends Call {
  /** The call's place in `#calls`; -1 if the call is over. */
  place: number
  /** The number of checks before the call started. */
  readonly startedAt: number
  readonly reject: (error: EngineError) => void
}

/**
 * The calls that wait for Redis. A call that takes more than about 5 seconds is rejected. The client counts checks instead of time, because
 * replies may wait in the socket while this process stands still. This class replaces the option `commandTimeout` of ioredis, which counts
 * time, and limits each command of a call, but not the whole call.
 */
export class Calls {
  /** An array, not a `Set`, for the reason that `BriefMap` has. */
  readonly #calls: WaitingCall[] = []
  #checks = 0
  #onEmpty: (() => void) | undefined

  /** Starts a call. `what` names it in the `EngineError` with which it may be rejected. */
  add<T>(what: string, work: (call: Call) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const place = this.#calls.length
      const call: WaitingCall = { place, isOver: () => call.place < 0, startedAt: this.#checks, reject }
      this.#calls.push(call)
      work(call).then(
        (value) => {
          this.#end(call)
          resolve(value)
        },
        (error: unknown) => {
          this.#end(call)
          reject(unavailable(what, error))
        },
      )
    })
  }

  /** Must be called each half second. */
  check(): void {
    this.#checks += 1
    const late = this.#calls.filter(({ startedAt }) => this.#checks - startedAt > MAX_CHECKS)
    for (const call of late)
      this.#reject(call, new EngineError('unavailable', 'Redis is unavailable: no reply within 5 seconds.'))
  }

  rejectAll(error: EngineError): void {
    for (const call of [...this.#calls]) this.#reject(call, error)
  }

  /** Resolves when no call waits, or after `milliseconds` milliseconds. The timer keeps no process alive. */
  async idle(milliseconds: number): Promise<void> {
    if (this.#calls.length === 0) return
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve))
    await Promise.race([empty, sleep(milliseconds, undefined, { ref: false })])
  }

  #end(call: WaitingCall): void {
    if (call.isOver()) return
    const last = this.#calls.pop()
    if (last && last !== call) {
      this.#calls[call.place] = last
      last.place = call.place
    }
    call.place = -1
    if (this.#calls.length === 0) this.#onEmpty?.()
  }

  #reject(call: WaitingCall, error: EngineError): void {
    this.#end(call)
    call.reject(error)
  }
}
