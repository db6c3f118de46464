import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after } from 'node:test'
import { listen } from './http-server.js'

/** An HTTP proxy on loopback, which makes tunnels by CONNECT. It alone knows the names of the hosts. */
export interface ConnectProxy {
  /** The proxy's URL, with user and password. */
  readonly url: string
  /** The proxy's URL, without user and password. */
  readonly origin: string
  /** The targets of all tunnels so far, as `HOST:PORT`. */
  readonly tunnels: string[]
  /** The requests that came without a tunnel. */
  readonly requests: string[]
  /** The status with which the proxy refuses tunnels; undefined if it makes them. */
  refusal: number | undefined
}

/** Starts a proxy. `ports` has the port on this machine to which each host leads. */
export const startConnectProxy = async (ports: Record<string, number>): Promise<ConnectProxy> => {
  const [user, password] = ['user', 'pass:wörd'] as const
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    proxy.requests.push(`${request.method} ${request.url}`)
    response.writeHead(501).end()
  })
  server.on('connect', (request, client: Socket, head) => {
    const refuse = (status: number): void =>
      void client.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`)
    client.on('error', () => undefined)
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    if (request.headers['proxy-authorization'] !== authorization) return refuse(407)
    const [host = ''] = (request.url ?? '').split(':')
    proxy.tunnels.push(request.url ?? '')
    const port = ports[host]
    if (proxy.refusal !== undefined || port === undefined) return refuse(proxy.refusal ?? 502)
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.write(head)
      upstream.pipe(client)
      client.pipe(upstream)
    })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
  })
  // The server knows its tunnels no more, so this hook closes them.
  after(() => {
    for (const socket of sockets) socket.destroy()
  })
  const { url: origin } = await listen(server)
  const proxy: ConnectProxy = {
    url: origin.replace('://', `://${user}:${encodeURIComponent(password)}@`),
    origin,
    tunnels: [],
    requests: [],
    refusal: undefined,
  }
  return proxy
}
