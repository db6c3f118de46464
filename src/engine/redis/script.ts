import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { functionName, type Library, type Reply, type Script } from './client/port.js'
import type { KeyKind } from './keys.js'
import { userFunctions } from './lua/fields.js'
import { withValues } from './lua/prelude.js'
import { scopes } from './lua/scopes.js'

/** A script with the kinds of its keys. */
export interface Step extends Script {
  readonly keys: readonly KeyKind[]
  /** Says by the result whether the step runs again after a failover. That changes nothing, unless the failover has lost the change. */
  readonly remade?: ((result: readonly Reply[]) => boolean) | undefined
}

/** A step that one call can run in several partitions. */
export interface BatchStep extends Step {
  readonly isBatch: true
}

/** The parts that scripts share, after `base` and the functions of `fields.ts`. Each part may use the parts before it. */
const PARTS = [
  ...['user', 'keys', 'publish', 'state', 'rows', 'queue', 'webhooks', 'sessions', 'inbox', 'rate'],
  ...['rules', 'events', 'begin'],
]

export interface StepOptions {
  repeatable?: boolean
  /**
   * What the script does with the data. A script that only `reads` runs even on a server that is out of memory, has too few replicas, or
   * can't write to its disk. A script that `grows` the data does not. Any other script frees memory or needs hardly any, so it runs on a
   * server that is only out of memory.
   */
  effect?: 'reads' | 'grows'
  remade?: Step['remade']
}

const cache = new Map<string, string>()

/** Returns the Lua of a file. */
export const sourceOf = (name: string): string => {
  const known = cache.get(name)
  if (known !== undefined) return known
  const source = readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')
  cache.set(name, source)
  return source
}

/**
 * How many characters of the source's SHA-1 digest a library's name has. By this name two versions of a gateway can run on one Redis, and
 * each loads its library where a server lacks it.
 */
const HASH_LENGTH = 12

/** The beginning of the names of all versions of a library. */
export const LIBRARY_START = 'chat_session_'

/** The placeholder for the library's name in a source. */
const NAME = 'NAME_OF_LIBRARY'

/**
 * The scripts of one kind of process: of a gateway, or of a transfer between engines. Redis compiles a library once, and makes the
 * functions that scripts share once. With `EVAL` each call would make these functions again. A library also has variables that live as long
 * as the server's process (`lua/state.lua`).
 */
export class StepLibrary implements Library {
  readonly #functions: string[] = []
  readonly #names = new Set<string>()
  #made: Library | undefined

  get name(): string {
    return this.#make().name
  }

  get source(): string {
    return this.#make().source
  }

  /**
   * Makes a step. `path` is the path of the script's file, without the extension. Steps may share a script if they differ only in the
   * `HashedKind` of their keys.
   */
  step(path: string, keys: readonly KeyKind[], options: StepOptions = {}): Step {
    const step = this.#add(path, keys, options, { before: '', run: sourceOf(path) })
    return { ...step, isShort: true, remade: options.remade }
  }

  /**
   * Makes a step whose Lua file runs once for each partition. What the file returns is the result of that partition. The step may run again
   * after a lost reply, so its file must do no harm when it runs twice.
   */
  batchStep(path: string, keys: readonly KeyKind[], { effect }: Pick<StepOptions, 'effect'> = {}): BatchStep {
    const options = { repeatable: true, ...(effect && { effect }) }
    const step = this.#add(path, keys, options, {
      before: `local function step()\n${sourceOf(path)}\nend`,
      run: `local results={}
for each in string.gmatch(prefix,'%Z+') do
K=keys_of(each,userId)
results[#results+1]=step()
end
return reply(unpack(results))`,
    })
    return { ...step, isBatch: true, isShort: false }
  }

  /** Makes a step that is one command of Redis. The step's arguments follow the key in the command. */
  command(name: string, command: string, kind: KeyKind, options: StepOptions): Step {
    const run = `return reply(call('${command}',K.${kind},all_args()))`
    return { ...this.#add(name, [kind], options, { before: '', run }), isShort: true }
  }

  #add(
    path: string,
    keys: readonly KeyKind[],
    { repeatable = false, effect }: StepOptions,
    { before, run }: { before: string; run: string },
  ): Omit<Step, 'isShort'> {
    const name = basename(path)
    const flags = effect === 'reads' ? `'no-writes'` : effect === 'grows' ? '' : `'allow-oom'`
    if (!this.#names.has(name)) {
      this.#names.add(name)
      this.#functions.push(`do
local kinds={${keys.map((kind) => `${kind}='${scopes[kind]}'`).join(',')}}
${before}
steps['${name}']=function(keys,args)
begin(keys,args,kinds,${effect !== 'reads'})
${run}
end
redis.register_function{function_name='${functionName(NAME, name)}',flags={${flags}},callback=function(keys,args)
-- A call of several scripts that was killed has left this table.
shared=nil
return steps['${name}'](keys,args)
end}
end`)
    }
    return { name, keys, repeatable, library: this }
  }

  /** Makes the source when it is first used, after all scripts were added. */
  #make(): Library {
    if (this.#made) return this.#made
    const parts = [sourceOf('lua/base'), userFunctions, ...PARTS.map((part) => sourceOf(`lua/${part}`))]
    const lua = withValues([...parts, ...this.#functions, sourceOf('lua/several')].join('\n'))
    const name = `${LIBRARY_START}${createHash('sha1').update(lua).digest('hex').slice(0, HASH_LENGTH)}`
    this.#made = { name, source: `#!lua name=${name}\n${lua.replaceAll(NAME, name)}` }
    return this.#made
  }
}
