import type { IncomingMessage, Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { SESSION_PATH } from '../../gateway/internal.js'

/** The faults of a link. */
export interface Faults {
  /** Milliseconds that every byte is delayed, in each direction. */
  delay: number
  /** Milliseconds for which the link stays down and refuses connections; 0 if it is up. */
  down: number
}

/**
 * A proxy between pages and a gateway under development. A session whose endpoint is `/dev/links/NAME` connects through
 * the link of that name. A link can be made slow, cut or taken down, to try how the session reacts.
 */
export interface FaultProxy {
  /** Handles the upgrades of `server` before the gateway that is attached to it. */
  attach(server: Server): void
  faults(name: string): Faults
  /** A link that goes down closes its connections. */
  setFaults(name: string, faults: Faults): void
  /** Closes every connection of the link without a close frame. New ones may connect at once. */
  cut(name: string): void
  /** Closes every connection, with a link or without one. */
  cutAll(): void
}

interface Link {
  delay: number
  /** Compared with `performance.now()`. */
  downUntil: number
  sockets: Set<Duplex>
}

/** The oldest link is forgotten beyond this number, so that requests for new names can't fill the memory. */
const MAX_LINKS = 1_000

const LINK_PATH = /^\/dev\/links\/([\w-]{1,64})\/v1\/session$/

/** Forwards bytes in their order, even if the delay changes meanwhile; the end follows the last byte. */
const forward = (from: Duplex, to: Duplex, delay: () => number, first: Buffer): void => {
  let forwarded = Promise.resolve()
  const afterDelay = (deliver: () => void): void => {
    const deliverAt = performance.now() + delay()
    forwarded = forwarded.then(async () => {
      const left = deliverAt - performance.now()
      if (left > 0) await sleep(left, undefined, { ref: false })
      deliver()
    })
  }
  const write = (bytes: Buffer): void =>
    afterDelay(() => {
      if (to.writable) to.write(bytes)
    })
  write(first)
  from.on('data', write)
  from.once('end', () => afterDelay(() => to.end()))
  from.once('close', () => afterDelay(() => to.end(() => to.destroy())))
  // Without a listener an error would end the process. The `close` that follows it is forwarded.
  from.on('error', () => undefined)
}

const loopbackOf: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Opens a second connection to the server itself, for the gateway's side of a link. */
const connectToGateway = (server: Server): Socket => {
  const { address, port } = server.address() as AddressInfo
  return connect({ host: loopbackOf[address] ?? address, port, allowHalfOpen: true })
}

/** Returns the bytes of a link's handshake, with the gateway's own path in place of the link's. */
const handshakeOf = ({ rawHeaders }: IncomingMessage, head: Buffer): Buffer => {
  const headers = rawHeaders.map((text, index) => text + (index % 2 ? '\r\n' : ': ')).join('')
  return Buffer.concat([Buffer.from(`GET ${SESSION_PATH} HTTP/1.1\r\n${headers}\r\n`, 'latin1'), head])
}

export const createFaultProxy = (): FaultProxy => {
  const links = new Map<string, Link>()
  /** The sockets of all connections, with or without a link. */
  const allSockets = new Set<Duplex>()

  const linkOf = (name: string): Link => {
    const link = links.get(name) ?? { delay: 0, downUntil: 0, sockets: new Set() }
    links.set(name, link)
    const [oldest] = links.keys()
    if (links.size > MAX_LINKS && oldest !== undefined) links.delete(oldest)
    return link
  }
  const downFor = ({ downUntil }: Link): number => Math.max(0, downUntil - performance.now())
  const track = (socket: Duplex, sockets: Set<Duplex>): void => {
    for (const set of [allSockets, sockets]) {
      set.add(socket)
      socket.once('close', () => set.delete(socket))
    }
  }
  const destroyAll = (sockets: Set<Duplex>): void => {
    for (const socket of sockets) socket.destroy()
  }

  return {
    attach(server) {
      // The gateway's listener runs after this one, and ignores a destroyed socket and another path.
      server.prependListener('upgrade', (request, socket, head: Buffer) => {
        const path = request.url?.replace(/[?#].*/s, '') ?? ''
        if (path === SESSION_PATH) return track(socket, allSockets)
        const [, name] = LINK_PATH.exec(path) ?? []
        // No other listener would answer: the client would wait for ever.
        if (!name) return void socket.destroy()
        const link = linkOf(name)
        if (downFor(link)) return void socket.destroy()
        const upstream = connectToGateway(server)
        track(socket, link.sockets)
        track(upstream, link.sockets)
        forward(socket, upstream, () => link.delay, handshakeOf(request, head))
        forward(upstream, socket, () => link.delay, Buffer.alloc(0))
      })
    },
    faults(name) {
      const link = linkOf(name)
      return { delay: link.delay, down: downFor(link) }
    },
    setFaults(name, { delay, down }) {
      const link = linkOf(name)
      link.delay = delay
      link.downUntil = down && performance.now() + down
      if (down) destroyAll(link.sockets)
    },
    cut: (name) => destroyAll(linkOf(name).sockets),
    cutAll: () => destroyAll(allSockets),
  }
}
