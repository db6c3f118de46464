import type { JsonObject } from '../protocol/index.js'

/**
 * Is called after each step of the session's machine with copies of the input, the state before and after it, and the
 * effects. A debugging aid: the fields and their names may change in any version. Tokens, signatures, auth params, resume
 * keys and the messages of errors are left out.
 */
export type Trace = (
  input: JsonObject,
  before: JsonObject,
  after: JsonObject,
  effects: readonly JsonObject[],
) => void

/** `key` is of a resumption. The message of an error may quote the token that a page's `tokenFetcher` failed with. */
const redacted = /^(token|signature|authParams|key|resumeKey|cause|message)$/

/** Calls `trace` with a copy of the step. The script-tag build replaces this module: it has no trace. */
export const traceStep = (
  trace: Trace | undefined,
  step: [input: object, before: object, after: object, effects: object[]],
): void => {
  if (!trace) return
  const json = JSON.stringify(step, (name, value: unknown) => (redacted.test(name) ? undefined : value))
  const copy = JSON.parse(json) as Parameters<Trace>
  // The page's function runs in a microtask, because an exception in it must not stop the session.
  queueMicrotask(() => trace(...copy))
}
