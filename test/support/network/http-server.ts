import { createServer, type RequestListener, type Server } from 'node:http'
import { Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'

export interface TestServer {
  /** http://127.0.0.1:PORT, or https: for a server with TLS. */
  url: string
  port: number
  close(): Promise<void>
}

/** Lets a server listen on loopback, by default on a free port. It is closed after the tests, with its connections. */
export const listen = async (server: Server | TlsServer, port = 0): Promise<TestServer> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  after(close)
  const { port: own } = server.address() as AddressInfo
  return { url: `http${server instanceof TlsServer ? 's' : ''}://127.0.0.1:${own}`, port: own, close }
}

/** Starts an HTTP server that takes headers as long as the gateway does. It is closed after the tests. */
export const startServer = (listener: RequestListener, port = 0): Promise<TestServer> =>
  listen(createServer({ maxHeaderSize: 32_768 }, listener), port)
