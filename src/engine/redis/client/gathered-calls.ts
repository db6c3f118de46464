import type { Reply, Script } from './port.js'
import type { Call } from './calls.js'
import { ConnectionFailure } from './failures.js'

/** How many scripts one call runs at most. While they run, other calls to the server wait. */
const MAX_SCRIPTS = 32
/** How many keys a gathered script has at most. Lua can unpack only some thousands. */
const MAX_KEYS = 1_000

type Run = (script: Script, keys: readonly string[], args: readonly string[], call: Call) => Promise<Reply>

interface Waiting {
  readonly script: Script
  readonly keys: readonly string[]
  readonly args: readonly string[]
  readonly call: Call
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: unknown) => void
}

/**
 * Gathers the scripts of one turn of the event loop, and sends them in one call, because a call costs the server and this process about as
 * much as a short script.
 */
export class GatheredCalls {
  readonly #run: Run
  #waiting: Waiting[] = []

  constructor(run: Run) {
    this.#run = run
  }

  /** Whether a script can be gathered. */
  accepts({ isShort }: Script, keys: readonly string[]): boolean {
    return isShort && keys.length <= MAX_KEYS
  }

  add(script: Script, keys: readonly string[], args: readonly string[], call: Call): Promise<Reply> {
    if (this.#waiting[0] && this.#waiting[0].script.library !== script.library) this.flush()
    // `setImmediate` runs after the callbacks of this turn's promises and sockets, which perhaps add more scripts.
    if (this.#waiting.length === 0) setImmediate(() => this.flush())
    const reply = new Promise<Reply>((resolve, reject) =>
      this.#waiting.push({ script, keys, args, call, resolve, reject }),
    )
    if (this.#waiting.length === MAX_SCRIPTS) this.flush()
    return reply
  }

  /** Sends what was gathered. */
  flush(): void {
    const calls = this.#waiting
    this.#waiting = []
    const [first] = calls
    if (!first) return
    if (calls.length === 1) this.#runAlone(first)
    else void this.#runTogether(calls, first.script)
  }

  /** Never rejects. */
  async #runTogether(calls: readonly Waiting[], { library }: Script): Promise<void> {
    const together: Script = { name: 'several', library, repeatable: false, isShort: false }
    const keys = calls.flatMap((each) => each.keys)
    // ioredis takes several times as long to write some twenty short arguments as `JSON.stringify` does.
    const args = calls.flatMap((each) => [
      each.script.name,
      String(each.keys.length),
      // cjson refuses a lone surrogate. UTF-8 has no way to write one either, so a script alone gets the replacement, too.
      JSON.stringify(each.args.map((arg) => arg.toWellFormed())),
    ])
    let replies: Reply[]
    try {
      replies = (await this.#run(together, keys, args, {
        isOver: () => calls.every(({ call }) => call.isOver()),
      })) as Reply[]
    } catch (error) {
      // After an error reply no script has run. Perhaps the server refuses only one of them, for example because its memory is full. So
      // each script is sent alone.
      const mayHaveRun = error instanceof ConnectionFailure && error.sent
      for (const each of calls) {
        if (each.call.isOver() || (mayHaveRun && !each.script.repeatable)) each.reject(error)
        else {
          if (mayHaveRun) each.call.onRepeat?.()
          this.#runAlone(each)
        }
      }
      return
    }
    calls.forEach(({ resolve, reject }, n) => {
      const reply = replies[n] ?? null
      if (reply instanceof Error) reject(reply)
      else resolve(reply)
    })
  }

  #runAlone({ script, keys, args, call, resolve, reject }: Waiting): void {
    this.#run(script, keys, args, call).then(resolve, reject)
  }
}
