import { createRestCalls, type CallAnswer, type CallRequest } from '../../rest-client/internal.js'
import type { RestCalls } from '../../rest-client/index.js'
import type { App } from '../apps/app.js'
import type { CallContext } from './call.js'
import { calls } from './calls/calls.js'
import { CallError } from './errors.js'
import { problemOf } from './problem-of.js'
import { parseBody, readParams, readQuery } from './request.js'

/** The parts of a gateway that answer a call of its own process. */
interface InProcessContext extends CallContext {
  /** Resolves with the apps by id, once the engine is open. */
  apps(): Promise<ReadonlyMap<string, App>>
}

/**
 * Returns the function `gateway.client()`. It makes an app's REST client, and this process answers the client's calls. A call has the same
 * checks, handler and errors as over HTTP. Because the caller is the operator's own code, a call needs no token, does not count against
 * `restPerSecond`, waits for no other call, and causes neither a line in the audit log nor a metric of the REST API.
 */
export const createInProcessClients = (context: InProcessContext): ((appId: string) => RestCalls) => {
  const answer = async (appId: string, { name, path, query, body }: CallRequest): Promise<CallAnswer> => {
    const call = calls.find(({ id }) => id === name)
    if (!call) throw new TypeError(`The gateway has no call ${name}.`)
    // If the gateway is closed or its engine can't be opened, `apps` rejects, and so does the call.
    const app = (await context.apps()).get(appId)
    try {
      if (!app) throw new CallError('unknown-app', 'The gateway has no app with this id.')
      const params = readParams(call, path)
      const answered = await call.handle({
        ...{ app, appId, params, context, traceparent: undefined },
        of: { appId, userId: params['user'] ?? '' },
        query: readQuery(call, query),
        body: call.body && parseBody(call.body, body ?? ''),
      })
      const json = answered.body === undefined ? undefined : JSON.stringify(answered.body)
      return {
        status: answered.status,
        // The JSON is parsed again, so that a caller who changes the answer does not change the engine's objects.
        json: json && (JSON.parse(json) as unknown),
        isProblem: false,
        retryAfter: null,
      }
    } catch (cause) {
      const problem = problemOf(cause, context.metrics)
      if (!problem) throw cause
      const { status, code, title, headers } = problem
      const retryAfter = headers['retry-after'] === undefined ? null : Number(headers['retry-after'])
      const json = { status, code, title }
      // The client makes a `RestError` with the same sentence. Only an error of the engine says more.
      return { status, json, isProblem: true, retryAfter, ...(!(cause instanceof CallError) && { cause }) }
    }
  }
  return (appId) => createRestCalls(appId, (request) => answer(appId, request))
}
