import type { Library, Reply, Script, ScriptInput } from './port.js'
import type { Call } from './calls.js'
import { ConnectionFailure } from './failures.js'

/** How many scripts one call runs at most. While they run, other calls to the server wait. */
const MAX_SCRIPTS = 32

type Run = (script: Script, input: ScriptInput, call: Call) => Promise<Reply>

interface Waiting {
  readonly script: Script
  readonly input: ScriptInput
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
  accepts({ isShort }: Script, { keys }: ScriptInput): boolean {
    return isShort && keys.length === 0
  }

  add(script: Script, input: ScriptInput, call: Call): Promise<Reply> {
    const [first] = this.#waiting
    const isAlike = first?.script.library === script.library && first.input.context === input.context
    if (!isAlike) this.flush()
    // `setImmediate` runs after the callbacks of this turn's promises and sockets, which perhaps add more scripts.
    if (this.#waiting.length === 0) setImmediate(() => this.flush())
    const reply = new Promise<Reply>((resolve, reject) =>
      this.#waiting.push({ script, input, call, resolve, reject }),
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
    else void this.#runTogether(calls, first)
  }

  /** Never rejects. */
  async #runTogether(
    calls: readonly Waiting[],
    { script: { library }, input: { context } }: Waiting,
  ): Promise<void> {
    const together = severalOf(library, { repeatable: false })
    const args = [argumentOfSeveral(calls.map(({ script, input }) => [script.name, ...input.args]))]
    let replies: Reply[]
    try {
      replies = (await this.#run(
        together,
        { keys: [], context, args },
        { isOver: () => calls.every(({ call }) => call.isOver()) },
      )) as Reply[]
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

  #runAlone({ script, input, call, resolve, reject }: Waiting): void {
    this.#run(script, input, call).then(resolve, reject)
  }
}

/** Returns the script that runs several scripts of a library (`scripts/several.ts`). */
export const severalOf = (library: Library, { repeatable }: Pick<Script, 'repeatable'>): Script => ({
  ...{ name: 'several', library, repeatable, isShort: false },
})

/**
 * Returns the argument for the scripts that `several` runs: for each its name and its arguments, as JSON that cjson reads. cjson refuses a
 * lone surrogate. UTF-8 has no way to write one either, so a script alone gets the replacement, too. ioredis takes several times as long
 * to write some twenty short arguments as `JSON.stringify` does.
 */
export const argumentOfSeveral = (lists: readonly (readonly string[])[]): string => {
  const json = JSON.stringify(lists)
  // `JSON.stringify` writes only a lone surrogate in this way. The text may also stand in an argument, after another backslash.
  const hasSurrogate = json.includes('\\ud')
  return hasSurrogate ? JSON.stringify(lists.map((list) => list.map((text) => text.toWellFormed()))) : json
}
