import type { IncomingMessage, Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { SESSION_PATH } from '../../gateway/internal.js'

/** What is wrong with a line. */
export interface Faults {
  /** Milliseconds that everything takes longer, each way. */
  delay: number
  /** Milliseconds for which it stays down: no connection comes to be on it. 0 where it is up. */
  down: number
}

/**
 * The network between pages and a gateway under development. A session whose endpoint is `/dev/lines/NAME` has a line to
 * the gateway of its own, which can be made slow, cut, or taken down, to see what the session makes of it.
 */
export interface FaultProxy {
  /** Puts itself between the gateway that is attached to `server` and those who connect. */
  watch(server: Server): void
  faults(line: string): Faults
  /** A line that goes down is cut. */
  setFaults(line: string, faults: Faults): void
  /** Every connection on the line is lost without a word; new ones may come at once. */
  cut(line: string): void
  /** Cuts everything, the connections without a line too. */
  cutAll(): void
}

interface Link {
  delay: number
  /** Milliseconds on the process's own clock. */
  downUntil: number
  sockets: Set<Duplex>
}

/** Whoever asks for ever new lines must not fill the memory. */
const MAX_LINKS = 1_000

const LINK_PATH = /^\/dev\/lines\/([\w-]{1,64})\/v1\/session$/

/** Bytes keep their order, whatever becomes of the delay while they are on their way; an end comes after them. */
const forward = (from: Duplex, to: Duplex, delay: () => number, first: Buffer): void => {
  let carried = Promise.resolve()
  const later = (deliver: () => void): void => {
    const due = performance.now() + delay()
    carried = carried.then(async () => {
      const left = due - performance.now()
      if (left > 0) await sleep(left, undefined, { ref: false })
      deliver()
    })
  }
  const pass = (bytes: Buffer): void =>
    later(() => {
      if (to.writable) to.write(bytes)
    })
  pass(first)
  from.on('data', pass)
  from.once('end', () => later(() => to.end()))
  from.once('close', () => later(() => to.end(() => to.destroy())))
  // A close follows, and that is passed on.
  from.on('error', () => undefined)
}

const everywhere: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** A second connection to the server itself: what comes over a line goes on over it. */
const connectToGateway = (server: Server): Socket => {
  const { address, port } = server.address() as AddressInfo
  return connect({ host: everywhere[address] ?? address, port, allowHalfOpen: true })
}

/** The same handshake for the gateway's own address. */
const handshakeOf = ({ rawHeaders }: IncomingMessage, head: Buffer): Buffer => {
  const headers = rawHeaders.map((text, index) => text + (index % 2 ? '\r\n' : ': ')).join('')
  return Buffer.concat([Buffer.from(`GET ${SESSION_PATH} HTTP/1.1\r\n${headers}\r\n`, 'latin1'), head])
}

export const createFaultProxy = (): FaultProxy => {
  const lines = new Map<string, Link>()
  /** Of every connection, on a line or not. */
  const all = new Set<Duplex>()

  const lineOf = (name: string): Link => {
    const line = lines.get(name) ?? { delay: 0, downUntil: 0, sockets: new Set() }
    lines.set(name, line)
    const [oldest] = lines.keys()
    if (lines.size > MAX_LINKS && oldest !== undefined) lines.delete(oldest)
    return line
  }
  const leftOf = ({ downUntil }: Link): number => Math.max(0, downUntil - performance.now())
  const keep = (socket: Duplex, sockets: Set<Duplex>): void => {
    for (const set of [all, sockets]) {
      set.add(socket)
      socket.once('close', () => set.delete(socket))
    }
  }
  const cut = (sockets: Set<Duplex>): void => {
    for (const socket of sockets) socket.destroy()
  }

  return {
    watch(server) {
      // Before the gateway's listener, which leaves a socket that is destroyed, or is for another address, alone.
      server.prependListener('upgrade', (request, socket, head: Buffer) => {
        const path = request.url?.replace(/[?#].*/s, '') ?? ''
        if (path === SESSION_PATH) return keep(socket, all)
        const [, name] = LINK_PATH.exec(path) ?? []
        // Nobody else would answer a socket for another address.
        if (!name) return void socket.destroy()
        const line = lineOf(name)
        if (leftOf(line)) return void socket.destroy()
        const far = connectToGateway(server)
        keep(socket, line.sockets)
        keep(far, line.sockets)
        forward(socket, far, () => line.delay, handshakeOf(request, head))
        forward(far, socket, () => line.delay, Buffer.alloc(0))
      })
    },
    faults(name) {
      const line = lineOf(name)
      return { delay: line.delay, down: leftOf(line) }
    },
    setFaults(name, { delay, down }) {
      const line = lineOf(name)
      line.delay = delay
      line.downUntil = down && performance.now() + down
      if (down) cut(line.sockets)
    },
    cut: (name) => cut(lineOf(name).sockets),
    cutAll: () => cut(all),
  }
}
