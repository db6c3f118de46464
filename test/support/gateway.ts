import { createServer, type RequestListener, type Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { after } from 'node:test'
import type { AppConfig, Gateway, GatewayConfig } from '../../src/gateway/index.js'
import { listen } from './network/http-server.js'
import { createTestGateway, type GatewayParts } from './gateway/test-gateway.js'

export { testApp } from './gateway/test-gateway.js'
export type { GatewayParts } from './gateway/test-gateway.js'

export interface TestGateway {
  gateway: Gateway
  url: string
  port: number
  /** Every line that the gateway has logged, from level debug on. */
  lines: string[]
  close(): Promise<void>
}

export interface AttachedGateway extends TestGateway {
  server: Server | TlsServer
  /** The number of WebSocket requests so far, and of those whose connection is open. */
  tried(): number
  open(): number
}

/** Creates a gateway with a memory engine and one test app. It does not listen, and is closed after the tests. */
export const newGateway = (
  app: Partial<AppConfig> = {},
  config: Partial<GatewayConfig> = {},
  parts: GatewayParts = {},
): Pick<TestGateway, 'gateway' | 'lines'> => {
  const { gateway, lines } = createTestGateway(app, config, parts)
  after(() => gateway.close())
  return { gateway, lines }
}

/** Like `newGateway`, on a free port. */
export const startGateway = async (
  app: Partial<AppConfig> = {},
  config: Partial<GatewayConfig> = {},
  parts: GatewayParts = {},
): Promise<TestGateway> => {
  const { gateway, lines } = newGateway(app, config, parts)
  const url = await gateway.listen()
  return { gateway, url, port: Number(new URL(url).port), lines, close: () => gateway.close() }
}

interface AttachOptions extends GatewayParts {
  /** Answers the requests that are not the gateway's. */
  site?: RequestListener
  /** @default an HTTP server that takes headers as long as the gateway does */
  server?: Server | TlsServer
  /** @default a free one */
  port?: number
}

/** Like `newGateway`, on an HTTP server of the test, whose connections it counts. */
export const attachGateway = async (
  app: Partial<AppConfig> = {},
  config: Partial<GatewayConfig> = {},
  options: AttachOptions = {},
): Promise<AttachedGateway> => {
  const { site, server = createServer({ maxHeaderSize: 32_768 }, site), port: wanted, ...parts } = options
  const { gateway, lines } = newGateway(app, config, parts)
  const sockets = new Set<Duplex>()
  let tried = 0
  gateway.attach(server)
  // This comes after `attach`, which replaces the server's listeners. The listener is prepended, so that it counts a socket before the
  // gateway closes it.
  server.prependListener('upgrade', (_, socket: Duplex) => {
    tried += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const destroySockets = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  // This hook runs after the one that closes the gateway, and before the one that closes the server, which waits for its sockets.
  after(destroySockets)
  await gateway.ready()
  const { url, port, close: closeServer } = await listen(server, wanted)
  const close = async (): Promise<void> => {
    await gateway.close()
    destroySockets()
    await closeServer()
  }
  return { gateway, url, port, lines, server, tried: () => tried, open: () => sockets.size, close }
}
