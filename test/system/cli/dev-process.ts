import { once } from 'node:events'
import { request, type IncomingHttpHeaders } from 'node:http'
import { WebSocket } from 'ws'
import { run, type Running } from '../../support/processes/command-line.js'

/** `dev` on a free port, when it is ready. */
export const runDev = async (data: string, ...args: string[]): Promise<Running & { address: string }> => {
  const running = run(['dev', '--port', '0', '--data', data, ...args])
  return Object.assign(running, { address: await running.url() })
}

/** Sends a request with any header, including headers that `fetch` refuses to send. */
export const ask = (
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> =>
  new Promise((resolve, reject) => {
    request(url, { headers, method, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
      .on('error', reject)
      .end()
  })

/** Returns the type or the code of the first frame after a start, or `cut` if the connection is lost before one. */
export const startOver = async (url: string, start: object, origin?: string): Promise<string> => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/session`, 'chat-session.v1', {
    ...(origin && { origin }),
  })
  socket.on('open', () => socket.send(JSON.stringify({ type: 'start', ...start })))
  const received = once(socket, 'message').then(([data]: Buffer[]) => {
    const { type, code } = JSON.parse(String(data)) as { type: string; code?: string }
    return code ?? type
  })
  const cut = new Promise<string>((resolve) => {
    socket.once('error', () => resolve('cut'))
    socket.once('close', () => resolve('cut'))
  })
  const outcome = await Promise.race([received, cut])
  received.catch(() => undefined)
  socket.terminate()
  return outcome
}
