import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { after } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../src/element/chat-session.js'
import { createGateway, createLog } from '../../src/gateway/index.js'
import { until } from '../support/until.js'

/** The one app of the gateways here. */
export const APP = 'shop'
export const SECRET = 'a secret that only the tests and their gateway share'

export interface TestGateway {
  url: string
  port: number
  /** Connections that were ever tried, and those that are open: both as the gateway's own sockets tell. */
  tried(): number
  open(): number
  close(): Promise<void>
}

/** A real gateway that counts its connections; given a port, it comes back there. Closed after the tests if not before. */
export const startGateway = async (port = 0, pingInterval = 25): Promise<TestGateway> => {
  const server = createServer({ maxHeaderSize: 32_768 })
  const sockets = new Set<Duplex>()
  let tried = 0
  const gateway = createGateway(
    {
      engine: { type: 'memory' },
      pingInterval,
      apps: { [APP]: { environment: 'test', secrets: [SECRET], guests: false, requireExpiry: true } },
    },
    { env: {}, log: createLog({ level: 'error' }) },
  )
  gateway.attach(server)
  // The gateway answers in the place of those who listened before it.
  server.prependListener('upgrade', (_, socket) => {
    tried += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const taken = (server.address() as AddressInfo).port
  const close = async (): Promise<void> => {
    await gateway.close()
    await new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
    })
  }
  after(close)
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    tried: () => tried,
    open: () => sockets.size,
    close,
  }
}

/** Everything that a page complains about: errors and warnings in its console, and exceptions. */
export const complaintsOf = (page: Page): string[] => {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return complaints
}

/** The types of the frames that a page's sessions send. */
export const framesSentBy = (page: Page): string[] => {
  const types: string[] = []
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) =>
      types.push((JSON.parse(payload.toString()) as { type: string }).type),
    ),
  )
  return types
}

/** What the page's first `<chat-session>` says of itself. */
export const chatOf = (
  page: Page,
): Promise<{ state: string; id: string | null; user: string | undefined; error: string | undefined }> =>
  page.evaluate(() => {
    const element = document.querySelector<ChatSessionElement>('chat-session')
    return {
      state: element?.state ?? 'no element',
      id: element?.sessionId ?? null,
      user: element?.session?.user?.id,
      error: element?.error?.code,
    }
  })

export const stateOf = async (page: Page): Promise<string> => (await chatOf(page)).state

/** Waits for a state of the page's first `<chat-session>`. */
export const untilState = (page: Page, state: string): Promise<void> =>
  until(`the state of the session in ${page.url()}`, () => stateOf(page), state)

/** Resolves when the element has been registered, and has had the task in which it boots if it ever will. */
export const untilBooted = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    await customElements.whenDefined('chat-session')
    await new Promise((resolve) => setTimeout(resolve))
  })
