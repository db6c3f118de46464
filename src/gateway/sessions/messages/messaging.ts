import { isRetryable, type ClientFrameOf } from '../../../protocol/index.js'
import { TaskQueue } from '../../../util/task-queue.js'
import { authorizeSend, problemOfSend, refusalOfResult } from '../../messages/client-sends.js'
import type { Asking, Decision } from '../../messages/send-authorizer.js'
import type { FrameScope } from '../frame-scope.js'
import type { SendBarrier } from './send-barrier.js'
import { setDataAside, storeSend } from './store-send.js'

type SendFrame = ClientFrameOf<'send'>

/** Returns a `sent` frame as JSON. With `JSON.stringify` of the whole frame, sending a message would take 4% longer. */
const sentFrame = (id: string, offset: number, sentAt: number): string =>
  `{"type":"sent","id":${JSON.stringify(id)},"offset":${offset},"sentAt":${sentAt}}`

/** Answers `send` frames. Each call resolves when its frame is answered; sends reach the engine in their order. */
export type Messaging = ReturnType<typeof createMessaging>

export const createMessaging = (
  { context, app, user, origin, connection, limits, refuse, sender }: FrameScope,
  {
    sendBarrier,
    isRevoked,
    onStored,
  }: {
    sendBarrier: SendBarrier
    /** Resolves with whether the session has ended and its credential is no longer good. */
    isRevoked: () => Promise<boolean>
    /** Called with the recipient of each stored message, before the `send` frame is answered. */
    onStored: (userId: string) => void
  },
) => {
  const { userId } = user
  /** Runs `sendInOrder` for one send after the other. */
  const turns = new TaskQueue()
  let turnCount = 0
  let failureCount = 0
  /**
   * The sends that are not answered, in their order. Most are answered in this order, so an array is enough. With a Map, sending a message
   * by the memory engine would take 5% longer.
   */
  let unanswered: { frame: SendFrame; sent: Promise<unknown> }[] = []
  const forget = (frame: SendFrame): void => {
    if (unanswered[0]?.frame === frame) unanswered.shift()
    else unanswered = unanswered.filter((each) => each.frame !== frame)
  }

  /** Stores and answers a send. Resolves with false if the client may try the same send again. */
  const store = (frame: SendFrame, decision: Exclude<Decision, { allowed: false }>): Promise<boolean> =>
    storeSend(context, app, { from: userId, sender: sender() }, frame, decision).then(
      (sent) => {
        forget(frame)
        if ('sentAt' in sent) {
          onStored(frame.to)
          connection.sendText(sentFrame(frame.id, sent.ownOffset ?? sent.offset, sent.sentAt))
          return true
        }
        const refusal = refusalOfResult(sent)
        refuse(frame, ...refusal)
        const isDone = !isRetryable(refusal[0])
        if (!isDone) failureCount += 1
        return isDone
      },
      (error: unknown) => {
        failureCount += 1
        forget(frame)
        throw error
      },
    )

  /** Resolves with false if the client may try the same send again. */
  const authorizeAndStore = async (
    frame: SendFrame,
    asking: Asking | undefined,
    putDataBack: () => void,
  ): Promise<boolean> => {
    const decision = await (asking?.decision ??
      authorizeSend(app, context.log, { from: userId, to: frame.to }))
    // The answer may take long, and a user who was logged out meanwhile must not send any more. The sends behind this one fail, too.
    if (await isRevoked()) {
      refuse(frame, 'unauthenticated')
      return false
    }
    if ('sent' in decision || decision.allowed) {
      putDataBack()
      return store(frame, decision)
    }
    refuse(frame, ...decision.refusal)
    return !isRetryable(decision.refusal[0])
  }

  /**
   * Stores one send after the other, however long each waits for `first` and for its authorization. `authorizeSendUrl` is asked about each
   * send at once, `authorizeSend` about one after the other. If a send fails, the sends that wait behind it are refused too, because they
   * would overtake it when the client sends it again.
   */
  const sendInOrder = async (frame: SendFrame, first: Promise<void> | undefined): Promise<void> => {
    const failuresBefore = failureCount
    turnCount += 1
    const asking = context.sendAuthorizer.begin(app, userId, origin, frame)
    const putDataBack = setDataAside(frame)
    await turns.run(async () => {
      let isDone = false
      try {
        await first
        if (failureCount === failuresBefore) isDone = await authorizeAndStore(frame, asking, putDataBack)
        else refuse(frame, ...(sendBarrier.current() ?? (['unavailable'] as const)))
      } finally {
        asking?.end()
        if (!isDone) failureCount += 1
        turnCount -= 1
        forget(frame)
      }
    })
  }

  return {
    /** Stores a message, but not before `first` resolves. Returns undefined if the frame is refused at once. */
    send(frame: SendFrame, first: Promise<void> | undefined): Promise<unknown> | undefined {
      // The engine counts the messages of all gateways. If the user has sent too many to this gateway already, the engine is not asked.
      const refusal = problemOfSend(app, userId, frame) ?? sendBarrier.current() ?? limits.refusalOfMessage()
      if (refusal) return refuse(frame, ...refusal)
      // A send must not overtake one that waits.
      const { authorizeSend, authorizeSendUrl } = app.settings
      const isInTurn = authorizeSend ?? authorizeSendUrl ?? first ?? turnCount > 0
      const sent = isInTurn ? sendInOrder(frame, first) : store(frame, { allowed: true })
      unanswered.push({ frame, sent })
      return sent
    },
    /** Returns the unanswered sends to a user. */
    unansweredTo: (userId: string): Promise<unknown>[] =>
      unanswered.flatMap(({ frame, sent }) => (frame.to === userId ? sent : [])),
  }
}
