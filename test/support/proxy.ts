import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { after } from 'node:test'

export interface Proxy {
  /** http://127.0.0.1:PORT */
  url: string
  /** What each connection began with: the head of its handshake. */
  heads: string[]
  /** How many connections are open. */
  open(): number
  /** Cuts every connection, as a network does that goes away. */
  cut(): void
  close(): Promise<void>
}

/**
 * Stands between a client and the server at `target` (http://HOST:PORT). `refuses` is asked with the head of each
 * handshake: one that it refuses is cut before the server hears of it. Closed after the tests.
 */
export const startProxy = async (
  target: string,
  refuses: (head: string) => boolean = () => false,
): Promise<Proxy> => {
  const { hostname, port } = new URL(target)
  const heads: string[] = []
  const sockets = new Set<Socket>()

  const pipe = (client: Socket, head: Buffer): void => {
    const server = connect(Number(port), hostname)
    sockets.add(server)
    server.write(head)
    client.pipe(server).pipe(client)
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  }

  const listener = createServer((client) => {
    sockets.add(client)
    client.on('error', () => undefined)
    client.on('close', () => sockets.delete(client))
    client.once('data', (head) => {
      heads.push(head.toString('latin1'))
      if (refuses(head.toString('latin1'))) client.destroy()
      else pipe(client, head)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))

  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      listener.close(() => resolve())
      cut()
    })
  after(close)
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    heads,
    open: () => sockets.size,
    cut,
    close,
  }
}
