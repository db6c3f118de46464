import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'
import { startServer } from './http-server.js'

/** The key of the webhooks' signatures, and the secret that stands for it. */
export const key = randomBytes(32)
export const secretOf = (bytes: Buffer): string => `whsec_${bytes.toString('base64')}`

export interface Received {
  id: string
  /** Null for an event of the app itself. */
  userId: string | null
  type: string
  seq: number
  /** When it came (Unix, milliseconds). */
  at: number
  headers: Record<string, string>
  body: Record<string, unknown>
}

/** Starts an endpoint that verifies each delivery by the reference library. Tests replace `respond` and `key`. */
export const startEndpoint = async (respond: (response: ServerResponse, received: Received) => unknown) => {
  const endpoint = { received: [] as Received[], respond, key, running: 0, most: 0, url: '' }
  const { url } = await startServer((request, response) => {
    endpoint.running += 1
    endpoint.most = Math.max(endpoint.most, endpoint.running)
    response.on('close', () => (endpoint.running -= 1))
    void text(request).then((json) => {
      const headers = request.headers as Record<string, string>
      const body = new Webhook(secretOf(endpoint.key)).verify(json, headers) as Received['body']
      const { userId, type, seq } = body as unknown as Pick<Received, 'userId' | 'type' | 'seq'>
      const received = { id: headers['webhook-id'] ?? '', userId, type, seq, at: Date.now(), headers, body }
      endpoint.received.push(received)
      endpoint.respond(response, received)
    })
  })
  endpoint.url = `${url}/hooks?key=s3cret`
  return endpoint
}
