import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { functionName, type Library, type Script } from './client/port.js'
import type { KeyKind } from './keys.js'
import { withValues } from './lua/prelude.js'

/** A script with the kinds of its keys. */
export interface Step extends Script {
  readonly keys: readonly KeyKind[]
}

/** A script that does the same in several partitions. A call names the keys of the first partition, then those of the second, and so on. */
export interface BatchStep extends Step {
  readonly isBatch: true
}

/** The parts that scripts share: each uses those before it. */
const PARTS = [
  ...['base', 'state', 'rows', 'queue', 'webhooks', 'sessions', 'inbox', 'peers', 'rate', 'events', 'begin'],
]

interface StepOptions {
  repeatable?: boolean
  /**
   * What the script does if the server is out of memory, has too few replicas, or can't write to its disk. One that `reads` runs. One that
   * `grows` the data does not run. The others run if the server is out of memory, because they make room, or take up hardly any.
   */
  effect?: 'reads' | 'grows'
}

const cache = new Map<string, string>()
const sourceOf = (name: string): string => {
  const known = cache.get(name)
  if (known !== undefined) return known
  const source = readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')
  cache.set(name, source)
  return source
}

/** How many characters of a hash the name of a library has. */
const HASH_LENGTH = 12

/** What the names of all versions of a library begin with. */
export const LIBRARY_START = 'chat_session_'

/** What stands in a source where the library's name will be. */
const NAME = '<library>'

/**
 * The scripts of a kind of process. Redis compiles a library once, and so do the functions that scripts share: as scripts for `EVAL`, each
 * call would make them again. A library also has variables that live as long as the server's process (`lua/state.lua`).
 */
export class StepLibrary {
  readonly #functions: string[] = []
  readonly #names = new Set<string>()
  #library: Library | undefined

  /** Makes a step. `path` is that of the script's file, without the extension. The script's name is the name of the file. */
  step(path: string, keys: readonly KeyKind[], options: StepOptions = {}): Step {
    const names = keys.map((kind, n) => {
      const [of, name] = kind.startsWith('from.') ? ['theirs', kind.slice('from.'.length)] : ['own', kind]
      return `${of}.${name}=keys[${n + 1}]`
    })
    return this.#add(path, keys, options, {
      before: 'local own,theirs={},{}',
      run: `${names.join(' ')}\nK,FROM=own,theirs\n${sourceOf(path)}`,
    })
  }

  /**
   * Makes a step whose Lua file runs once for each partition. What the file returns is the result of that partition. The file may run twice,
   * because it only reads, or because its second run changes nothing.
   */
  batchStep(path: string, keys: readonly KeyKind[], { effect }: Pick<StepOptions, 'effect'> = {}): BatchStep {
    const names = keys.map((kind, n) => `own.${kind}=keys[first+${n}]`)
    const options = { repeatable: true, ...(effect && { effect }) }
    const step = this.#add(path, keys, options, {
      before: `local own={}\nlocal function step()\n${sourceOf(path)}\nend`,
      run: `local results={}
K=own
for first=1,#keys,${keys.length} do
${names.join(' ')}
results[#results+1]=step()
end
return reply(unpack(results))`,
    })
    // A copy would ask for the library now, which has more steps later.
    return Object.assign(step, { isBatch: true as const })
  }

  #add(
    path: string,
    keys: readonly KeyKind[],
    { repeatable = false, effect }: StepOptions,
    { before, run }: { before: string; run: string },
  ): Step {
    const name = basename(path)
    const flags = effect === 'reads' ? `'no-writes'` : effect === 'grows' ? '' : `'allow-oom'`
    // Steps with other keys may share a script, which then names its key `KEYS[1]`.
    if (!this.#names.has(name)) {
      this.#names.add(name)
      this.#functions.push(`do
${before}
redis.register_function{function_name='${functionName(NAME, name)}',flags={${flags}},callback=function(keys,args)
begin(keys,args,${effect !== 'reads'})
${run}
end}
end`)
    }
    const library = (): Library => (this.#library ??= this.#make())
    return {
      name,
      keys,
      repeatable,
      get library() {
        return library()
      },
    }
  }

  #make(): Library {
    const parts = PARTS.map((part) => sourceOf(`lua/${part}`))
    const lua = withValues([...parts, ...this.#functions].join('\n'))
    const name = `${LIBRARY_START}${createHash('sha1').update(lua).digest('hex').slice(0, HASH_LENGTH)}`
    return { name, source: `#!lua name=${name}\n${lua.replaceAll(NAME, name)}` }
  }
}
