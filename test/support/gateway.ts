import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { after } from 'node:test'
import {
  createGateway,
  createLog,
  type AppConfig,
  type Gateway,
  type GatewayConfig,
} from '../../src/gateway/index.js'
import { appId, secret } from './tokens.js'

export interface TestGateway {
  gateway: Gateway
  url: string
  port: number
  /** Every line that the gateway has logged, from level debug on. */
  lines: string[]
  close(): Promise<void>
}

export interface AttachedGateway extends TestGateway {
  /** The number of WebSocket requests so far, and of those whose connection is open. */
  tried(): number
  open(): number
}

const portOf = (url: string): number => Number(new URL(url).port)

const create = (
  app: Partial<AppConfig>,
  config: Partial<GatewayConfig>,
): Pick<TestGateway, 'gateway' | 'lines'> => {
  const lines: string[] = []
  const gateway = createGateway(
    {
      listen: { port: 0 },
      engine: { type: 'memory' },
      apps: { [appId]: { environment: 'test', secrets: [secret], ...app } },
      ...config,
    },
    { env: {}, log: createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } }) },
  )
  return { gateway, lines }
}

/** Starts a gateway with a memory engine and one test app, on a free port. It is closed after the tests. */
export const startGateway = async (
  app: Partial<AppConfig> = {},
  config: Partial<GatewayConfig> = {},
): Promise<TestGateway> => {
  const { gateway, lines } = create(app, config)
  const close = (): Promise<void> => gateway.close()
  after(close)
  const url = await gateway.listen()
  return { gateway, url, port: portOf(url), lines, close }
}

/** Like `startGateway`, on the HTTP server of `site`, whose connections it counts. */
export const attachGateway = async (
  app: Partial<AppConfig> = {},
  config: Partial<GatewayConfig> = {},
  { site, port = 0 }: { site?: RequestListener; port?: number } = {},
): Promise<AttachedGateway> => {
  const { gateway, lines } = create(app, config)
  const server = createServer({ maxHeaderSize: 32_768 }, site)
  const sockets = new Set<Duplex>()
  let tried = 0
  gateway.attach(server)
  // After `attach`, which replaces the server's listeners. Prepended, so that it counts a socket before the gateway closes it.
  server.prependListener('upgrade', (_, socket) => {
    tried += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const close = async (): Promise<void> => {
    await gateway.close()
    await new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
    })
  }
  after(close)
  await gateway.ready()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    gateway,
    url,
    port: portOf(url),
    lines,
    tried: () => tried,
    open: () => sockets.size,
    close,
  }
}
