import { dropRest } from '../http/lingering-close.js'
import type { ReadableRequest } from '../http/request-head.js'

/**
 * Resolves with a response of Bun's server once the request's body has been read: Bun resets a client that still sends when the response
 * closes the socket. If the body is too long or does not come, the response closes the socket all the same. A client that has been too slow
 * (408) gets its response at once.
 */
export const afterBody = async (incoming: ReadableRequest, response: Response): Promise<Response> => {
  if (incoming.destroyed) return response
  const isRead = new Promise<boolean>((resolve) => {
    incoming.once('close', () => resolve(true))
    dropRest(incoming, () => resolve(false))
  })
  if (response.status === 408 || !(await isRead)) response.headers.set('connection', 'close')
  return response
}
