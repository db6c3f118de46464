import { createHash } from 'node:crypto'
import { compileLibrary } from '../../../scripts/build/lua.mjs'
import { functionName, type Library } from '../../../src/engine/redis/client/port.js'

/** Returns a library with functions that a file of TypeScript exports, compiled as the scripts of the engine are. */
export const luaLibrary = async (entry: string, names: readonly string[]): Promise<Library> => {
  const lua = await compileLibrary({ entry })
  const library = `test_${createHash('sha1').update(lua).digest('hex')}`
  const functions = names.map(
    (name) => `redis.register_function('${functionName(library, name)}', function(_, args)
      made = made or make()
      return made.${name}(args)
    end)`,
  )
  return {
    name: library,
    source: [
      `#!lua name=${library}`,
      'local made',
      'local function make(...)',
      lua,
      'end',
      ...functions,
    ].join('\n'),
  }
}
