import { request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex, Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { ownsPath, SESSION_PATH } from '../../gateway/internal.js'

/** The faults of a link. */
interface Faults {
  /** Milliseconds by which the link delays every byte, in each direction. */
  delay: number
  /** Milliseconds for which the link stays down; 0 if it is up. A link that is down refuses connections. */
  down: number
  /** Whether the link refuses WebSockets, as some companies' proxies do. Such a link still passes on event streams. */
  noWebSocket: boolean
}

/**
 * A proxy between pages and a gateway under development. A session whose endpoint is `/dev/links/NAME` connects through
 * the link of that name. A link can be made slow, cut or taken down, to try how the session reacts.
 */
export interface FaultProxy {
  /** Handles each upgrade of `server`, before the gateway on `server` gets it. */
  attach(server: Server): void
  /**
   * Handles a request of a link. Passes it on to the gateway of `server`, or destroys it while the link is down. Returns false for a
   * request without a link.
   */
  forward(server: Server, request: IncomingMessage, response: ServerResponse): boolean
  faults(name: string): Faults
  /** Sets the faults of a link. If the link goes down or begins to refuse WebSockets, it closes its connections. */
  setFaults(name: string, faults: Faults): void
  /** Closes every connection of the link without a close frame. New ones may connect at once. */
  cut(name: string): void
  /**
   * Closes every connection of every link, and every WebSocket without a link. The caller closes the event streams without a link, with
   * the server's `closeAllConnections`.
   */
  cutAll(): void
}

interface Link {
  delay: number
  /** The time of `performance.now()` at which the link is up again. */
  downUntil: number
  noWebSocket: boolean
  connections: Set<Connection>
}

/** A socket, or an HTTP request with its answer. */
interface Connection {
  destroy(): unknown
}

/** The most links. A further link replaces the oldest one, so that requests for new names can't fill the memory. */
const MAX_LINKS = 1_000

const LINK_PATH = /^\/dev\/links\/([\w-]{1,64})(\/v1\/session(?:\/stream|\/frames|\/send)?)$/

/** The answer of a proxy that lets no WebSocket through. */
const REFUSAL = 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

const pathOf = ({ url = '' }: IncomingMessage): string => url.replace(/[?#].*/s, '')

/**
 * Writes the bytes of `from` to `to`, each after the delay. The bytes keep their order when the delay changes. The end comes after the last
 * byte. The returned function delays a call of its argument in the same way: the call comes after the bytes so far.
 */
const passOn = (from: Readable, to: Writable, delay: () => number): ((deliver: () => void) => void) => {
  let forwarded = Promise.resolve()
  const afterDelay = (deliver: () => void): void => {
    const deliverAt = performance.now() + delay()
    forwarded = forwarded.then(async () => {
      const left = deliverAt - performance.now()
      if (left > 0) await sleep(left, undefined, { ref: false })
      deliver()
    })
  }
  from.on('data', (bytes) => afterDelay(() => to.writable && to.write(bytes)))
  from.once('end', () => afterDelay(() => to.end()))
  return afterDelay
}

/** Forwards the bytes and the close of a socket. */
const forwardSocket = (from: Duplex, to: Duplex, delay: () => number): void => {
  const afterDelay = passOn(from, to, delay)
  from.once('close', () => afterDelay(() => to.end(() => to.destroy())))
  // Without a listener an error would end the process. After an error comes `close`, which is forwarded.
  from.on('error', () => undefined)
}

const loopbackOf: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Returns the address at which the proxy reaches the server. */
const addressOf = (server: Server): { host: string; port: number } => {
  const { address, port } = server.address() as AddressInfo
  return { host: loopbackOf[address] ?? address, port }
}

const connectToGateway = (server: Server): Socket => connect({ ...addressOf(server), allowHalfOpen: true })

/** Returns the bytes of a link's handshake, with the gateway's own path in place of the link's. */
const handshakeOf = ({ rawHeaders }: IncomingMessage, head: Buffer): Buffer => {
  const headers = rawHeaders.map((text, index) => text + (index % 2 ? '\r\n' : ': ')).join('')
  return Buffer.concat([Buffer.from(`GET ${SESSION_PATH} HTTP/1.1\r\n${headers}\r\n`, 'latin1'), head])
}

export const createFaultProxy = (): FaultProxy => {
  const links = new Map<string, Link>()
  /** The connections of all links, and the WebSockets without a link. */
  const all = new Set<Connection>()

  const linkOf = (name: string): Link => {
    const link = links.get(name) ?? { delay: 0, downUntil: 0, noWebSocket: false, connections: new Set() }
    links.set(name, link)
    const [oldest] = links.keys()
    if (links.size > MAX_LINKS && oldest !== undefined) links.delete(oldest)
    return link
  }
  const downFor = ({ downUntil }: Link): number => Math.max(0, downUntil - performance.now())
  /** Keeps a connection in `all` and in its link until `stream` is closed. */
  const track = (connection: Connection, stream: Duplex | ServerResponse, link?: Link): void => {
    for (const set of [all, ...(link ? [link.connections] : [])]) {
      set.add(connection)
      stream.once('close', () => set.delete(connection))
    }
  }
  const destroyAll = (connections: Set<Connection>): void => {
    for (const connection of connections) connection.destroy()
  }

  return {
    attach(server) {
      // This listener runs before the gateway's, which ignores destroyed sockets and the paths of links.
      server.prependListener('upgrade', (request, socket, head: Buffer) => {
        const path = pathOf(request)
        if (path === SESSION_PATH) return track(socket, socket)
        // The gateway answers a request that offers another protocol, such as HTTP/2, as if it offered none.
        if (ownsPath(path) && request.headers.upgrade?.toLowerCase() !== 'websocket') return
        const [, name, target] = LINK_PATH.exec(path) ?? []
        // No listener answers an upgrade of an unknown path. Without this line the client would wait for ever.
        if (!name || target !== SESSION_PATH) return void socket.destroy()
        const link = linkOf(name)
        if (downFor(link)) return void socket.destroy()
        // After an upgrade Node handles no error of the socket. Without a listener, a client that resets the socket would end this process.
        if (link.noWebSocket) return void socket.on('error', () => socket.destroy()).end(REFUSAL)
        const upstream = connectToGateway(server)
        track(socket, socket, link)
        track(upstream, upstream, link)
        // The handshake and the bytes after it go back into the socket, as if they had not been read.
        socket.unshift(handshakeOf(request, head))
        forwardSocket(socket, upstream, () => link.delay)
        forwardSocket(upstream, socket, () => link.delay)
      })
    },
    forward(server, request, response) {
      const [, name, path] = LINK_PATH.exec(pathOf(request)) ?? []
      if (!name || path === SESSION_PATH) return false
      const link = linkOf(name)
      if (downFor(link)) {
        request.socket.destroy()
        return true
      }
      const { method, headers } = request
      const upstream = httpRequest({ ...addressOf(server), method, headers, path })
      const destroy = (): void => {
        upstream.destroy()
        request.socket.destroy()
      }
      track({ destroy }, response, link)
      response.once('close', () => upstream.destroy())
      upstream.on('error', destroy)
      upstream.once('response', (answer) => {
        answer.on('error', destroy)
        const afterDelay = passOn(answer, response, () => link.delay)
        afterDelay(() => response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders())
      })
      passOn(request, upstream, () => link.delay)
      return true
    },
    faults(name) {
      const link = linkOf(name)
      return { delay: link.delay, down: downFor(link), noWebSocket: link.noWebSocket }
    },
    setFaults(name, { delay, down, noWebSocket }) {
      const link = linkOf(name)
      const closes = down > 0 || (noWebSocket && !link.noWebSocket)
      link.delay = delay
      link.noWebSocket = noWebSocket
      link.downUntil = down && performance.now() + down
      if (closes) destroyAll(link.connections)
    },
    cut: (name) => destroyAll(linkOf(name).connections),
    cutAll: () => destroyAll(all),
  }
}
