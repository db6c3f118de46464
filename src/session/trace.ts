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

/** Returns a copy of a step without its credentials. */
export const redactedCopy = (step: [input: object, before: object, after: object, effects: object[]]) =>
  JSON.parse(
    JSON.stringify(step, (name, value: unknown) => (redacted.test(name) ? undefined : value)),
  ) as Parameters<Trace>
