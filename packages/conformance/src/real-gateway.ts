import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createGateway, createLog, type Gateway } from 'chat-session/gateway'
import { createToken } from 'chat-session/tokens'
import { APP } from './frames.js'

/** A gateway of chat-session, with the memory engine. A case can cut the gateway's connections. */
export interface RealGateway {
  readonly url: string
  readonly rest: ReturnType<Gateway['client']>
  tokenFor(userId: string, expiresIn?: number): Promise<string>
  /** Cuts every connection without a close frame. */
  cut(): void
  close(): Promise<void>
}

export const openRealGateway = async (messagesPerSecond = 1_000): Promise<RealGateway> => {
  const secret = randomBytes(32).toString('base64url')
  const gateway = createGateway(
    {
      engine: { type: 'memory' },
      drainTime: 1,
      apps: {
        [APP]: {
          environment: 'test',
          secrets: [secret],
          limits: { messagesPerSecond },
        },
      },
    },
    { log: createLog({ level: 'silent' }) },
  )
  await gateway.ready()
  const server = createServer({ maxHeaderSize: 32_768 })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  gateway.attach(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const cut = (): void => sockets.forEach((socket) => socket.destroy())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rest: gateway.client(APP),
    tokenFor: (userId, expiresIn) => createToken({ appId: APP, userId, secret, expiresIn }),
    cut,
    async close() {
      await gateway.close()
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
