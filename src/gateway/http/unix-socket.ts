import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { GatewayError } from '../errors.js'

/** Resolves with whether a process listens on a Unix socket. Rejects if that can't be known, for example without the permission. */
const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // EAGAIN: so many connections wait that the process accepts no more now.
      if (error.code === 'EAGAIN') resolve(true)
      else if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false)
      else reject(error)
    })
  })

const statOf = (path: string) => lstatSync(path, { throwIfNoEntry: false })

/**
 * Removes the file of a Unix socket on which nobody listens any more: a process that crashed leaves it behind. Rejects with a
 * `GatewayError` if a process listens there (`port-in-use`), or if the file can't be removed or is no socket (`cannot-listen`).
 */
export const removeStaleSocket = async (path: string): Promise<void> => {
  try {
    const found = statOf(path)
    if (!found) return
    if (!found.isSocket())
      throw new GatewayError(
        'cannot-listen',
        `${path} is there and no socket: choose another path, or remove it.`,
      )
    if (await isAnswered(path))
      throw new GatewayError(
        'port-in-use',
        `Another process listens on ${path}: end it, or choose another path.`,
      )
    // Another gateway that starts now may have put its own socket there.
    if (statOf(path)?.ino === found.ino) unlinkSync(path)
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('cannot-listen', `Can't listen on ${path}: ${(cause as Error).message}.`, {
      cause,
    })
  }
}
