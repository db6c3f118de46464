import type { JsonObject } from '../protocol/index.js'
import { object } from '../protocol/internal.js'

/**
 * Called after each step of the session's state machine with copies of the input, the states before and after it, and the effects. For
 * debugging: the fields and their names may change in any version. Tokens, signatures, auth params, resume keys and the messages of errors
 * are left out.
 */
export type Trace = (
  input: JsonObject,
  before: JsonObject,
  after: JsonObject,
  effects: readonly JsonObject[],
) => void

/** One step of the machine. */
interface TracedStep {
  input: object
  before: object
  after: object
  effects: object[]
}

/** The fields that are left out. `key` is a resume key. An error's `message` may quote a token, if a page's `tokenFetcher` threw it. */
const redacted = /^(token|signature|authParams|key|resumeKey|cause|message)$/

/** Leaves the fields out of their object, and not by their names, because JSON first calls the `toJSON` of a value, which may throw. */
const withoutRedacted = (_name: string, value: unknown): unknown =>
  object(value) ? Object.fromEntries(Object.entries(value).filter(([name]) => !redacted.test(name))) : value

/** Calls `trace` with a copy of the step. The script-tag build has an empty function here, because the tag has no attribute for a trace. */
export const traceStep = (trace: Trace | undefined, { input, before, after, effects }: TracedStep): void => {
  if (!trace) return
  const json = JSON.stringify([input, before, after, effects], withoutRedacted)
  const copy = JSON.parse(json) as Parameters<Trace>
  // The page's function runs in a microtask, so that its exception does not stop the session.
  queueMicrotask(() => trace(...copy))
}
