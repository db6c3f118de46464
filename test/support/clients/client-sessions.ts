import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import { WebSocketServer, WebSocket as NodeWebSocket } from 'ws'
import {
  ChatSession,
  type SessionEventMap,
  type SessionOptions,
  type SessionState,
  type StartResult,
} from '../../../src/session/index.js'
import { appId, tokenFor } from '../tokens.js'
import { until } from '../until.js'

/** The WebSocket of `ws` follows the standard as far as a session needs it. */
export const WebSocket = NodeWebSocket as unknown as typeof globalThis.WebSocket

/** Starts a server that calls `connected` for each connection, and returns its address. */
export const startFake = async (
  connected: (socket: NodeWebSocket, request: IncomingMessage) => void,
): Promise<string> => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'chat-session.v1' })
  server.on('connection', connected)
  await new Promise((resolve) => server.once('listening', resolve))
  after(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export const portOf = (url: string): number => Number(new URL(url).port)

const made: ChatSession[] = []
after(() => Promise.all(made.map((session) => session.end())))

/** A session in Node, ended after the tests. */
export const newSession = (options: Partial<SessionOptions> & { endpoint: string | URL }): ChatSession => {
  const session = new ChatSession({ appId, WebSocket, ...options })
  made.push(session)
  return session
}

/** Starts a session of a user with a token. It is ended after the tests. */
export const startSession = async (endpoint: string, userId: string): Promise<ChatSession> => {
  const session = newSession({ endpoint, token: await tokenFor(userId) })
  assert.ok((await session.start()).succeeded, userId)
  return session
}

/** Resolves with the next event of a type that fits; rejects if none comes within `limit` milliseconds. */
export const nextEvent = <K extends keyof SessionEventMap>(
  session: ChatSession,
  type: K,
  fits: (event: SessionEventMap[K]) => boolean = () => true,
  limit = 30_000,
): Promise<SessionEventMap[K]> =>
  new Promise((resolve, reject) => {
    const done = new AbortController()
    const timer = setTimeout(() => {
      done.abort()
      reject(new Error(`No fitting '${type}' came within ${limit} ms; the session is ${session.state}.`))
    }, limit)
    session.addEventListener(
      type,
      (event) => {
        if (!fits(event)) return
        clearTimeout(timer)
        done.abort()
        resolve(event)
      },
      { signal: done.signal },
    )
  })

/** Waits until the session is in `state`. */
export const reaches = async (session: ChatSession, state: SessionState): Promise<void> => {
  if (session.state !== state) await nextEvent(session, 'state', ({ detail }) => detail.state === state)
}

/** Collects the states of a session from now on. */
export const statesOf = (session: ChatSession): SessionState[] => {
  const states: SessionState[] = []
  session.addEventListener('state', ({ detail }) => {
    if (detail.state !== detail.previous) states.push(detail.state)
  })
  return states
}

/** Returns the code of a start that has failed, or `succeeded`. */
export const codeOf = (result: StartResult): string => (result.failed ? result.error.code : 'succeeded')

/** Waits for a condition that no event announces. */
export const eventually = (holds: () => boolean): Promise<void> => until(holds.toString(), holds)
