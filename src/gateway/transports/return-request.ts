import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { isDropped } from '../http/lingering-close.js'

const UPGRADE_HEADERS = /^(upgrade|http2-settings)$/i

/** The header lines of a request, without those that ask for an upgrade. */
const plainHeaders = ({ rawHeaders }: IncomingMessage): string[] => {
  const lines: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2)
    if (UPGRADE_HEADERS.test(name)) continue
    if (name.toLowerCase() !== 'connection') lines.push(`${name}: ${value}`)
    else {
      const options = value.split(',').filter((option) => !UPGRADE_HEADERS.test(option.trim()))
      if (options.length > 0) lines.push(`${name}: ${options.join(',')}`)
    }
  }
  return lines
}

/** With an upgrade Node removes its own `error` listener, and an `error` without a listener would end the process. */
const ignore = (): void => undefined

/** Gives requests whose upgrade is not wanted back to their server. */
interface RequestReturn {
  /** Called with every request of the server. */
  onRequest(request: IncomingMessage, response: ServerResponse): void
  returnRequest(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** A server from Node 22 on asks this function which requests with an `Upgrade` header are upgraded. */
interface ChoosingServer extends Server {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean
}

/**
 * A server may ignore the `Upgrade` header (RFC 9110, 7.8). `choose` returns whether a request is upgraded, or undefined to leave that to the
 * server. Returns a function that undoes it. On Node 20 it does nothing: there a request is given back by `returnRequest`. From Node 26 on a
 * request can't be given back, because Node has read its body when it emits `upgrade`.
 */
export const chooseUpgrades = (
  server: ChoosingServer,
  choose: (request: IncomingMessage) => boolean | undefined,
): (() => void) => {
  const before = server.shouldUpgradeCallback
  if (!before) return ignore
  server.shouldUpgradeCallback = (request) => choose(request) ?? before.call(server, request)
  return () => (server.shouldUpgradeCallback = before)
}

/**
 * Without `chooseUpgrades` Node emits `upgrade` in place of `request` as soon as there is one listener for it. So the request is given back
 * without that header.
 */
export const createRequestReturn = (server: Server): RequestReturn => {
  /** The latest response of each socket. */
  const responses = new WeakMap<Duplex, ServerResponse>()

  const giveBack = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { method = 'GET', url = '/', httpVersion } = request
    const lines = [`${method} ${url} HTTP/${httpVersion}`, ...plainHeaders(request), '', '']
    socket.unshift(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), head]))
    server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
  }

  return {
    onRequest(request, response) {
      responses.set(request.socket, response)
    },
    returnRequest(request, socket, head) {
      const earlier = responses.get(socket)
      if (!earlier || earlier.closed) return giveBack(request, socket, head)
      // The client pipelines. Each `connection` event begins another queue of responses. If an earlier queue still had a response to
      // send, the responses of the new queue would never be sent.
      socket.on('error', ignore)
      earlier.once('close', () => {
        if (socket.destroyed || isDropped(socket)) return
        socket.off('error', ignore)
        giveBack(request, socket, head)
      })
    },
  }
}
