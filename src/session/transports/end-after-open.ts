import { onPageHide } from '../page.js'
import { withTimeout } from '../util/clock.js'
import type { Connection } from './connection.js'

/** Milliseconds after which a connection that is still opening is given up, if its session has ended. */
const END_TIMEOUT = 5_000

/**
 * Sends `end` as soon as the connection opens, because the start in the handshake may have begun a session. Then closes the connection.
 * Waits at most five seconds, and not beyond `pagehide`.
 */
export const endAfterOpen = async (connection: Connection): Promise<void> => {
  await withTimeout(END_TIMEOUT, (done, signal) => {
    connection.listener = ({ type }) => {
      if (type === 'opened' || type === 'closed' || type === 'fatal') done()
    }
    onPageHide(done, signal)
  })
  connection.send({ type: 'end' })
  await connection.close()
}
