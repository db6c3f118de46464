import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { functionName, type Library, type Script } from './client/port.js'
import { steps, type BatchStepName, type StepName, type StepRow } from './steps.js'

/** A script with its row in the table of steps. */
export interface Step<Name extends StepName = StepName> extends Script, StepRow<Name> {
  readonly name: Name
  readonly repeatable: boolean
}

/** A step that one call can run in several partitions. */
export interface BatchStep<Name extends BatchStepName = BatchStepName> extends Step<Name> {
  readonly isBatch: true
}

/**
 * How many characters of the source's SHA-1 digest a library's name has. By this name two versions of a gateway can run on one Redis, and
 * each loads its library where a server lacks it.
 */
const HASH_LENGTH = 12

/** The beginning of the names of all versions of the library. */
export const LIBRARY_START = 'chat_session_'

/**
 * Returns the Lua that registers a function of Redis. `library` is the library's name. What the build has made of `scripts/library.ts` is run
 * at the first call: while Redis loads a library, Lua has no other functions than this one.
 */
const registration = (library: string, name: string, call: string, effect: StepRow['effect']): string => {
  const flags = effect === 'reads' ? `'no-writes'` : effect === 'grows' ? '' : `'allow-oom'`
  return `redis.register_function{function_name='${functionName(library, name)}',flags={${flags}},callback=function(keys,args)
made=made or make()
return made.${call}
end}`
}

const withRegistrations = (modules: string, library: string): string =>
  [
    ...[`#!lua name=${library}`, 'local made', 'local function make(...)', modules, 'end'],
    ...Object.entries<StepRow>(steps).map(([name, { effect }]) =>
      registration(library, name, `run('${name}',keys,args)`, effect),
    ),
    registration(library, 'several', 'runSeveral(keys,args)', 'grows'),
  ].join('\n')

/**
 * Makes a library of the Lua that the build has made. Redis compiles a library once, and its variables live as long as the server's process.
 * With `EVAL` each call would make all functions again.
 */
const libraryOf = (modules: string): Library => {
  const source = withRegistrations(modules, '')
  const name = LIBRARY_START + createHash('sha1').update(source).digest('hex').slice(0, HASH_LENGTH)
  return { name, source: withRegistrations(modules, name) }
}

export type Steps = {
  readonly [Name in StepName]: Name extends BatchStepName ? BatchStep<Name> : Step<Name>
}

let loaded: Steps | undefined

/** Returns all steps, with the library that the build has made of `scripts/`. */
export const loadSteps = (): Steps => {
  if (loaded) return loaded
  const library = libraryOf(readFileSync(new URL('./library.lua', import.meta.url), 'utf8'))
  const stepOf = ([name, row]: [string, StepRow]) => [
    name,
    { repeatable: false, ...row, name, library, isShort: row.isBatch !== true },
  ]
  loaded = Object.fromEntries(Object.entries(steps).map(stepOf)) as Steps
  return loaded
}
