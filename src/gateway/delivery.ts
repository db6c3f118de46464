import type { Engine, MessageStored, Position, UserRef } from '../engine/index.js'
import type { Message } from '../protocol/index.js'
import type { Line } from './line.js'

/** Brings a user's messages to one connection: each once, in the order of their offsets. */
export interface Delivery {
  /** A message is in the inbox. Before `begin` it is only remembered that there is one. */
  heard(told: Pick<MessageStored, 'epoch' | 'message'>): void
  /** Sends what comes after `position`. `newest` is the inbox's newest offset, `lost` whether the client knows of a gap. */
  begin(position: Position, newest: number, lost: boolean): void
  stop(): void
}

/** Messages that are read at once. What doesn't fit the socket is read again: waiting holds none of them. */
const PAGE = 64

const EPOCH_CHANGED = 'The inbox is another one now.'
const OVERTAKEN = 'Some of what was to come is no longer kept.'

export const createDelivery = (
  engine: Pick<Engine, 'messagesAfter'>,
  of: UserRef,
  line: Pick<Line, 'send' | 'end' | 'attempt' | 'isFull' | 'drained'>,
): Delivery => {
  let state: 'waiting' | 'begun' | 'stopped' = 'waiting'
  let epoch: string | undefined
  /** Everything up to here was sent. */
  let cursor = 0
  let newest = 0
  let isGapKnown = false
  let isPulling = false

  const deliver = (message: Message): void => {
    line.send({ type: 'message', ...message })
    cursor = message.offset
    isGapKnown = false
  }

  const isStopped = (): boolean => state === 'stopped'

  const readPage = async (position: Position): Promise<void> => {
    const known = newest
    const { messages, lost } = await engine.messagesAfter(of, position, PAGE)
    if (isStopped()) return
    // Whoever comes again is told in `started` that something is lost.
    if (lost && !isGapKnown) return line.end('unavailable', OVERTAKEN)
    if (messages.length === 0) cursor = Math.max(cursor, known)
    for (const message of messages) {
      if (line.isFull()) return
      deliver(message)
    }
  }

  const pull = async (from: string): Promise<void> => {
    isPulling = true
    try {
      while (cursor < newest && !isStopped()) {
        await line.drained()
        if (!isStopped()) await readPage({ epoch: from, offset: cursor })
      }
    } finally {
      isPulling = false
    }
  }

  return {
    heard({ epoch: told, message }) {
      if (isStopped()) return
      epoch ??= told
      if (told !== epoch) return line.end('unavailable', EPOCH_CHANGED)
      newest = Math.max(newest, message.offset)
      if (state === 'waiting' || isPulling || message.offset <= cursor) return
      if (message.offset === cursor + 1 && !line.isFull()) deliver(message)
      else line.attempt(pull(epoch))
    },
    begin(position, newestKnown, lost) {
      if (isStopped()) return
      epoch ??= position.epoch
      if (position.epoch !== epoch) return line.end('unavailable', EPOCH_CHANGED)
      state = 'begun'
      cursor = position.offset
      newest = Math.max(newest, newestKnown)
      isGapKnown = lost
      if (cursor < newest) line.attempt(pull(epoch))
    },
    stop() {
      state = 'stopped'
    },
  }
}
