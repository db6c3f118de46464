import type { Engine, UserRef } from '../../engine/index.js'
import type { SessionChange } from '../../protocol/internal.js'
import type { Settings } from '../config/parse.js'
import type { Metrics } from '../metrics/metrics.js'
import { lossFoundIn } from '../push/loss.js'
import { catchEngineError } from './engine-retry.js'
import type { ConnectionHandle } from './connection-handle.js'
import type { Delivery } from './messages/delivery.js'

interface PageSightContext {
  engine: Pick<Engine, 'seenOnPage' | 'endPushes'>
  metrics: Pick<Metrics, 'engineErrors'>
  settings: Pick<Settings, 'pingInterval'>
}

/**
 * Tells the engine which messages a page was sent while somebody could see it, since these are not pushed. It tells when the page is hidden
 * and when it is left: most messages cause no call of the engine.
 */
export class PageSight {
  readonly #context: PageSightContext
  readonly #user: UserRef
  readonly #connection: Pick<ConnectionHandle, 'fail'>
  #isHidden: boolean
  /** The offset up to which the engine knows what was seen. */
  #told: number
  /** The offset up to which messages had been sent when the client's latest frame came. */
  #received: number

  constructor(
    context: PageSightContext,
    user: UserRef,
    connection: Pick<ConnectionHandle, 'fail'>,
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
   * The connection was closed. Returns a function that lets what may not have reached the page be pushed, once its argument resolves because
   * the engine counts the page as visible no longer; undefined if there is no such message.
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
   * Returns null if the page has received what it was sent. Otherwise that is known of what had been sent when the client's last frame
   * came, and the milliseconds are returned after which the rest is pushed. A page whose connection the gateway has closed may come back
   * visible in this time.
   */
  #lostDueIn(reason: SessionChange['code']): number | null {
    if (reason === 'lost' || reason === 'timeout' || reason === 'replaced') return 0
    return reason === 'unavailable' ? lossFoundIn(this.#context.settings.pingInterval) : null
  }

  #tell(offset: number): void {
    if (offset <= this.#told) return
    this.#told = offset
    this.#run(this.#context.engine.seenOnPage(this.#user, offset))
  }

  /** If the engine fails, the messages are pushed although they were seen. */
  #run(work: Promise<unknown>): void {
    const { metrics } = this.#context
    catchEngineError(work, { metrics, connection: this.#connection }, () => undefined)
  }
}
