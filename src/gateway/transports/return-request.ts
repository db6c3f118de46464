import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { isDropped } from '../http/lingering-close.js'

const UPGRADE_HEADERS = /^(upgrade|http2-settings)$/i

/** Returns the header lines of a request, without those that ask for an upgrade. */
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

/** From Node 22.21 and 24.9 on a server asks this function which requests with an `Upgrade` header are upgraded. */
interface ChoosingServer extends Server {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean
}

/**
 * Lets `choose` decide which requests are upgraded: a server may ignore the `Upgrade` header (RFC 9110, 7.8). If `choose` returns
 * undefined, the server decides. The returned function restores the server. On older versions of Node `chooseUpgrades` does nothing, and
 * `returnRequest` gives requests back. From Node 26 on requests can't be given back, because Node has read the body when it emits
 * `upgrade`.
 */
export const chooseUpgrades = (
  server: ChoosingServer,
  choose: (request: IncomingMessage) => boolean | undefined,
): (() => void) => {
  const before = server.shouldUpgradeCallback
  if (!before) return ignore
  const callback = (request: IncomingMessage): boolean => choose(request) ?? before.call(server, request)
  server.shouldUpgradeCallback = callback
  return () => {
    // Another gateway may have replaced this function since, and calls it. That gateway must go on to choose.
    if (server.shouldUpgradeCallback === callback) server.shouldUpgradeCallback = before
  }
}

/**
 * Where `chooseUpgrades` does nothing and `upgrade` has a listener, Node emits `upgrade` in place of `request` for each request that asks
 * for an upgrade. `returnRequest` gives such a request back to the server without its `Upgrade` header.
 */
export const createRequestReturn = (server: Server) => {
  /** The latest response of each socket. */
  const responses = new WeakMap<Duplex, ServerResponse>()

  const giveBack = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { method = 'GET', url = '/', httpVersion } = request
    const lines = [`${method} ${url} HTTP/${httpVersion}`, ...plainHeaders(request), '', '']
    socket.unshift(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), head]))
    server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
  }

  return {
    /** Called with every request of the server. */
    onRequest(request: IncomingMessage, response: ServerResponse): void {
      responses.set(request.socket, response)
    },
    returnRequest(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      const earlier = responses.get(socket)
      if (!earlier || earlier.closed) return giveBack(request, socket, head)
      // The client pipelines requests. Each `connection` event begins another queue of responses. If an earlier queue still had a response,
      // the responses of the new queue would never be sent.
      socket.on('error', ignore)
      earlier.once('close', () => {
        if (socket.destroyed || isDropped(socket)) return
        socket.off('error', ignore)
        giveBack(request, socket, head)
      })
    },
  }
}
