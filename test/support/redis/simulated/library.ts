import { fileURLToPath } from 'node:url'
import { compileFunction, createContext, runInContext } from 'node:vm'
import { buildSync } from 'esbuild'
import { buildLibrary } from '../../../../scripts/build/lua.mjs'
import { cjson, cmsgpack } from './encodings.js'
import { globals } from './lua.js'

/** What `scripts/library.ts` exports. */
export interface ScriptLibrary {
  run(name: string, keys: string[], args: string[]): unknown
  runSeveral(keys: string[], args: string[]): unknown
}

/** What a server gives to its scripts. */
export interface ScriptRedis {
  call(command: string, ...args: unknown[]): unknown
  sha1hex(text: string): string
}

const entry = fileURLToPath(new URL('../../../../src/engine/redis/scripts/library.ts', import.meta.url))

// Engines of the sources read the Lua of the library, of which a simulated server needs only the name.
await buildLibrary()

let source: string | undefined

/**
 * Compiles the scripts to JavaScript. Lua has no null beside nil, so each null becomes undefined. In what esbuild writes, a null follows a
 * space or a parenthesis, and the word `null` in a text does not.
 */
const compiled = (): string => {
  const options = { bundle: true, write: false, format: 'esm', target: 'node20' } as const
  const [file] = buildSync({ ...options, entryPoints: [entry] }).outputFiles
  return (file?.text ?? '')
    .replaceAll(/(?<=[ (])null\b/g, 'void 0')
    .replace(/export \{\s*(\w+) as run,\s*runSeveral\s*\};/, 'return { run: $1, runSeveral };')
}

/** In the realm of the scripts an object has no inherited properties: in a table of Lua `constructor` is a name like any other. */
const EMPTY_OBJECTS = `for (const name of Object.getOwnPropertyNames(Object.prototype)) delete Object.prototype[name]`

/** Makes the library as a process of Redis does: its variables are as if no script had run. */
export const makeLibrary = (redis: ScriptRedis): ScriptLibrary => {
  source ??= compiled()
  const given = { ...globals, cjson, cmsgpack, redis }
  const parsingContext = createContext({})
  const options = { filename: entry, parsingContext }
  const make = compileFunction(source, Object.keys(given), options) as (...of: unknown[]) => ScriptLibrary
  runInContext(EMPTY_OBJECTS, parsingContext)
  return make(...Object.values(given))
}
