import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

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

/**
 * Gives a request whose upgrade is not wanted back to the server, without its `Upgrade` header. A server may ignore that
 * header (RFC 9110, 7.8), but Node emits `upgrade` in place of `request` as soon as there is one listener for it.
 */
export const returnRequest = (
  server: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void => {
  const { method = 'GET', url = '/', httpVersion } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`, ...plainHeaders(request), '', '']
  socket.unshift(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), head]))
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}
