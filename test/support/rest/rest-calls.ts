import { join } from 'node:path'
import type { AppConfig, GatewayConfig } from '../../../src/gateway/index.js'
import { createAppToken } from '../../../src/tokens/index.js'
import { startGateway, type TestGateway } from '../gateway.js'
import { scratchFolder } from '../scratch-folder.js'
import { appId, secret } from '../tokens.js'
import { assertConforms } from './rest-conformance.js'

export interface RestAnswer {
  status: number
  headers: Headers
  /** The parsed body; undefined if there is none. */
  body: unknown
}

export type Rest = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<RestAnswer>

/**
 * Returns a function that sends calls with an app token, and compares each answer with the OpenAPI document. A path that does not begin
 * with `/v1/` is one of the app's.
 */
export const restOf = (url: string, { app = appId, key = secret } = {}): Rest => {
  return async (method, path, body, headers = {}) => {
    const token = await createAppToken({ appId: app, secret: key })
    const target = `${path.startsWith('/v1/') ? '' : `/v1/apps/${app}`}${path}`
    const response = await fetch(url + target, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const answer = {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? undefined : JSON.parse(text)) as unknown,
    }
    if (method !== 'HEAD') assertConforms(method, target, answer)
    return answer
  }
}

/** Returns the field of an answer's body. */
export const field = ({ body }: RestAnswer, ...names: (string | number)[]): unknown =>
  names.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], body)

export const statusAndCode = (answer: RestAnswer): [number, unknown] => [answer.status, field(answer, 'code')]

/** Starts a gateway on each engine, before the first test begins. `on` is for the names of tests. */
export const onBothEngines = (
  app: Partial<AppConfig> = {},
  config: Partial<GatewayConfig> = {},
): Promise<(TestGateway & { on: string })[]> => {
  const engines = [{ type: 'memory' }, { type: 'embedded', path: join(scratchFolder(), 'data') }] as const
  return Promise.all(
    engines.map(async (engine) => ({
      ...(await startGateway(app, { engine, ...config })),
      on: `(${engine.type})`,
    })),
  )
}
