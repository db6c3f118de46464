import type { UserRef } from '../../engine/index.js'
import type { SessionChange } from '../../protocol/internal.js'
import { lossFoundIn } from '../push/loss.js'
import type { ConnectionHandle } from './connection-handle.js'
import type { Delivery } from './messages/delivery.js'
import type { SessionContext } from './session-context.js'

/**
 * Tells the engine which messages were sent to a visible page, so that these are not pushed. It calls the engine only when the page becomes
 * hidden or its connection closes, so that most messages cause no call.
 */
export class PageSight {
  readonly #context: SessionContext
  readonly #user: UserRef
  readonly #connection: Pick<ConnectionHandle, 'surviveEngineError'>
  #isHidden: boolean
  /** The offset that the engine was told last. */
  #told: number
  /** The offset up to which messages had been sent when the client's latest frame came. */
  #received: number

  constructor(
    context: SessionContext,
    user: UserRef,
    connection: Pick<ConnectionHandle, 'surviveEngineError'>,
    { hidden, told, received }: { hidden: boolean; told: number; received: number },
  ) {
    this.#context = context
    this.#user = user
    this.#connection = connection
    this.#isHidden = hidden
    this.#told = told
    this.#received = received
  }

  /** Called for each frame of the client. */
  onFrame(sent: number): void {
    this.#received = sent
  }

  setHidden(hidden: boolean, sent: number): void {
    const wasHidden = this.#isHidden
    this.#isHidden = hidden
    if (hidden && !wasHidden) this.#tell(sent)
  }

  /**
   * Called when the connection closes. Tells the engine what a visible page has seen. Returns undefined if the page is hidden, has left, or
   * has received every message. Otherwise returns a function that schedules the push of the messages that the page has not received. This
   * function waits for `released`, because until then the engine counts the page as visible.
   */
  onClose(
    reason: SessionChange['code'],
    { sent, newest }: Pick<Delivery, 'sent' | 'newest'>,
  ): ((released: Promise<unknown>) => void) | undefined {
    if (this.#isHidden) return undefined
    const dueIn = this.#lostDueIn(reason)
    this.#tell(dueIn === null ? sent : this.#received)
    if (dueIn === null || newest <= this.#received) return undefined
    return (released) =>
      this.#run(released.then(() => this.#context.engine.endPushes(this.#user, [], newest, dueIn)))
  }

  /**
   * Returns null if the page has left or ended the session: all that was sent counts as received. Otherwise only messages that were sent
   * before the client's latest frame count as received, and later ones may be pushed after the returned milliseconds. If the gateway has
   * closed the connection, the page can come back within this time.
   */
  #lostDueIn(reason: SessionChange['code']): number | null {
    if (reason === 'lost' || reason === 'timeout' || reason === 'replaced') return 0
    return reason === 'left' || reason === 'ended' ? null : lossFoundIn(this.#context.settings.pingInterval)
  }

  #tell(offset: number): void {
    if (offset <= this.#told) return
    this.#told = offset
    this.#run(this.#context.engine.seenOnPage(this.#user, offset))
  }

  /** An error of the engine is only counted. If `seenOnPage` fails, the messages are pushed although the page has shown them. */
  #run(work: Promise<unknown>): void {
    void this.#connection.surviveEngineError(work)
  }
}
