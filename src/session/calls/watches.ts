import type { ClientFrameOf, GatewayFrameOf } from '../../protocol/index.js'
import { callFrames } from '../../protocol/internal.js'
import type { Answer } from '../storage/outbox.js'
import type { Requests } from './requests.js'

type Watch = ClientFrameOf<'watch'>

interface Watches {
  /** Replaces the watch before. Resolves when the gateway has answered. */
  watch(users: string[]): Promise<void>
  /** Called for each new connection, because a watch ends with its connection. */
  repeat(): void
}

/** Calls `failed` if the latest watch, which nobody waits for, can't be sent again. */
export const createWatches = ({ request }: Requests, failed: (error: unknown) => void): Watches => {
  /** The latest watch that the gateway has answered. */
  let watched: Watch | undefined
  /** How many watches have no answer yet. */
  let asking = 0

  const send = async (frame: Watch): Promise<void> => {
    // The answer has all users of the watch, and none if the watch has none. Another `presence` is about an earlier watch.
    const isAnswer = (answer: Answer): answer is GatewayFrameOf<'presence'> => {
      if (answer.type !== 'presence') return false
      const ids = new Set(answer.users.map(({ id }) => id))
      return frame.users.length ? frame.users.every((id) => ids.has(id)) : ids.size === 0
    }
    asking += 1
    try {
      await request(frame, { checks: callFrames.watch, isAnswer, isUnordered: true })
      watched = frame
    } finally {
      asking -= 1
      // The gateway has refused this watch. If the connection is new, the gateway knows no earlier watch.
      if (watched !== frame) repeat()
    }
  }
  const repeat = (): void => {
    // If a later watch has no answer yet, the outbox sends that one.
    if (watched && asking === 0) send(watched).catch(failed)
  }

  return { watch: (users) => send({ type: 'watch', users }), repeat }
}
