import { randomBytes } from 'node:crypto'
import type { LeaseLost } from '../../engine.js'
import { EngineError } from '../../errors.js'
import type { Opening } from '../../lifecycle.js'
import { unfinishedTransfer } from '../../transfer.js'
import { PendingCalls } from '../../../util/pending-calls.js'
import { epochsText, otherFormat } from '../format.js'
import { connectNode } from './connect-node.js'
import { makeParts, type NodeOptions, type NodeParts } from './node-parts.js'
import { assertUsable, leastDurable } from '../server-check.js'
import type { ServerInfo } from '../client/port.js'
import { SHARES } from '../sessions/watches.js'
import type { WireEvent } from '../wire-event.js'

const KEY_BYTES = 32
/** The smallest interval, in milliseconds, at which the node looks for events that it may have missed. */
const MIN_COMPARE_INTERVAL = 1_000
/** After how many beats of its lease a node tells again which apps are in its config. */
const BEATS_PER_TOUCH = 15

export interface OpenedEngineOptions extends NodeOptions {
  /** Settles when the engine's previous opening has closed. */
  previous: Promise<void>
  onOpen: (server: ServerInfo) => void
}

/** An opened engine: one of the nodes that share a Redis. */
export class OpenedEngine implements Opening<OpenedEngine> {
  readonly ready: Promise<OpenedEngine>
  opened: OpenedEngine | undefined
  readonly parts: NodeParts
  /** The calls that run. `close` waits for them. */
  readonly #calls = new PendingCalls()
  readonly #options: OpenedEngineOptions
  readonly #receive: (event: WireEvent) => void
  #key = Buffer.alloc(0)
  /** Whether Redis has perhaps lost the texts that `#keepSecrets` stores. */
  #mayLackSecrets = false
  #compareTimer: NodeJS.Timeout | undefined
  #beats = 0

  constructor(options: OpenedEngineOptions) {
    this.#options = { ...options, compareInterval: Math.max(options.compareInterval, MIN_COMPARE_INTERVAL) }
    this.parts = makeParts(this.#options)
    this.#receive = connectNode(this.parts, options.emit, options.onError)
    this.ready = options.previous.then(async () => {
      await this.#open()
      return (this.opened = this)
    })
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    const call = work()
    this.#calls.add(call)
    return call
  }

  async #open(): Promise<void> {
    const { client, name, compareInterval, onOpen, onError } = this.#options
    const { runner, appNotes, recovery, settlement, publications, leases, sweeper, watches } = this.parts
    let servers: ServerInfo[]
    await client.open({
      onMessage: (channel, message) => {
        try {
          this.#receive(JSON.parse(publications.receive(channel, message)) as WireEvent)
        } catch (error) {
          // An exception here would end the process, and somebody may publish any text by hand.
          onError(error)
        }
      },
      onResubscribed: () => recovery.check(),
      onError,
    })
    try {
      servers = await client.info()
      assertUsable(servers)
      // The subscription comes before any session, because the events of a session must arrive.
      await client.subscribe(runner.keys.subscribed(runner.nodeId, name))
      const [outcome, key, epochs] = await runner.onPartition(runner.steps.open, 0, [
        randomBytes(KEY_BYTES).toString('base64'),
        epochsText(randomBytes(KEY_BYTES).toString('base64')),
      ])
      if (outcome !== 'opened') {
        const reason = outcome === 'unfinished' ? unfinishedTransfer('This Redis') : otherFormat('This Redis')
        throw new EngineError('unavailable', reason)
      }
      await runner.keepOwnLibrary()
      this.#key = Buffer.from(key, 'base64')
      runner.epochs.key = epochs
      await appNotes.touch()
      await publications.open()
      const histories = await recovery.open()
      // `start` begins lasting work, so every other call that must not fail comes before it.
      await leases.start({ onLost: (cause) => this.#onLost(cause), onBeat: () => this.#onBeat() })
      settlement.open(histories)
    } catch (error) {
      await client.close()
      throw error
    }
    onOpen(leastDurable(servers))
    sweeper.start()
    let share = 0
    const compareNext = (): void => {
      if (share % SHARES === 0) publications.check().catch(onError)
      watches.renewShare(share % SHARES).catch(onError)
      share++
    }
    this.#compareTimer = setInterval(compareNext, compareInterval / SHARES).unref()
  }

  async close(): Promise<void> {
    // The caller of `open` has received the rejection, and a failed opening leaves nothing to close.
    const isOpen = await this.ready.then(
      () => true,
      () => false,
    )
    if (!isOpen) return
    // This ends the calls that wait for the answers of other gateways.
    this.parts.calls.close()
    await this.#calls.idle()
    await this.#close()
  }

  /** Detaches the sessions of this node, and disconnects. */
  async #close(): Promise<void> {
    const { client, onError } = this.#options
    const { recovery, settlement, uncertain, unreadSearch, sweeper, inboxes, sessions, leases } = this.parts
    const { attached, watches, webhooks, publications } = this.parts
    clearInterval(this.#compareTimer)
    webhooks.stop()
    publications.close()
    try {
      await Promise.all([recovery.stop(), settlement.stop(), uncertain.stop(), unreadSearch.stop()])
      await sweeper.stop()
      await inboxes.stop()
      // The pending ends and detachments of sessions come first. If `leave` detached a session that is to end, the session would stay
      // until it can no longer be resumed.
      await sessions.departures.finish().catch(onError)
      await leases.leave()
    } catch (error) {
      // If Redis can't be reached, the node's lease ends, and then other nodes detach the sessions of this node.
      onError(error)
    }
    attached.clear()
    watches.clear()
    await client.close()
  }

  key(): Uint8Array {
    return new Uint8Array(this.#key)
  }

  /**
   * Checks that Redis stores a value, and that this node receives what is published to it: it asks itself a question. Rejects if one of
   * these fails. Without a working subscription messages come late.
   */
  async check(): Promise<void> {
    const { runner, calls } = this.parts
    const [isRead] = await runner.onPartition(runner.steps.check, 0, [])
    if (isRead !== 1) throw new EngineError('unavailable', 'Redis returned another value than was written.')
    if (!(await calls.askSeen(runner.nodeId, [])))
      throw new EngineError('unavailable', 'Redis publishes nothing to this gateway.')
  }

  async #onBeat(): Promise<void> {
    const { unreadSearch, recovery, attached, uncertain, sessions, appNotes } = this.parts
    unreadSearch.run().catch(this.#options.onError)
    recovery.run()
    attached.readAgain()
    uncertain.run()
    sessions.recent.beat()
    this.parts.recentMessages.beat()
    this.parts.recentCalls.beat()
    if (this.#mayLackSecrets) await this.#keepSecrets()
    await sessions.departures.retry()
    if (++this.#beats % BEATS_PER_TOUCH === 0) await appNotes.touch()
  }

  /**
   * Stores the engine's key and the secret of the epochs if Redis lacks them, and the options of this node's apps. Without the secrets the
   * next node that opens would make others: then each node would refuse the tokens and the epochs of the other nodes.
   */
  async #keepSecrets(): Promise<void> {
    const { runner, appNotes } = this.parts
    await runner.onPartition(runner.steps.open, 0, [this.#key.toString('base64'), runner.epochs.key])
    await appNotes.storeAll()
    this.#mayLackSecrets = false
  }

  /**
   * Called when the other nodes have counted this one as dead, or Redis has lost its data. Forgets this node's sessions: perhaps
   * connections of other nodes carry them now.
   */
  #onLost(cause: LeaseLost['cause']): void {
    this.#mayLackSecrets = true
    this.parts.attached.clear()
    this.#options.emit({ type: 'lease-lost', cause })
  }
}
