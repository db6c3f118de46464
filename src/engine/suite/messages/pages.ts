import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Engine, InboxPage, InboxState } from '../../engine.js'
import { ada, bob, deliver, type SuiteContext } from '../kit.js'

type Message = InboxPage['messages'][number]

const MESSAGES = 240
/** How many messages are sent at once. */
const LANES = 8
const LIMIT = 7
/** Who sends the messages of Bob's inbox; null is the app's backend. */
const SENDERS = ['ada', 'cy', null, 'bob']

const peerOf = ({ from, to }: Message): string | null => (from === bob.userId ? to : from)

/** Makes checks of pages of Bob's inbox against all its messages, which are known only later. */
type Check = (all: readonly Message[]) => void

/** Sends messages in many calls at once, and marks some of them as read. Calls `read` again and again until all are sent. */
const whileSending = async (engine: Engine, reader: Engine, read: () => Promise<Check[]>): Promise<void> => {
  const { epoch } = await engine.inbox(bob)
  const checks: Check[] = []
  let [begun, ended] = [0, 0]
  const send = async (): Promise<void> => {
    while (begun < MESSAGES) {
      const n = begun++
      const from = SENDERS[n % SENDERS.length] ?? null
      await deliver(engine, { from, to: from === bob.userId ? ada.userId : bob.userId, body: `${n}` })
      if (n % 16 === 0) await engine.markRead(bob, { epoch, offset: Math.floor(n / 2) })
    }
    ended++
  }
  const readAll = async (): Promise<void> => {
    while (ended < LANES) {
      checks.push(...(await read()))
      // An engine in memory may answer without a turn of the event loop, so that nothing could be stored meanwhile.
      await nextTurn()
    }
  }
  await Promise.all([...Array.from({ length: LANES }, send), readAll(), readAll()])
  const { messages: all } = await reader.messagesAfter(bob, { offset: 0 }, 2 * MESSAGES)
  assert.equal(all.length, MESSAGES)
  for (const check of checks) check(all)
}

/** Returns the messages that a page may have, if the inbox keeps all messages. Asserts that its state is that of these messages. */
const shownBy = (all: readonly Message[], { offset, readOffset, unread }: InboxState): Message[] => {
  const shown = all.filter((message) => message.offset <= offset)
  const isUnread = ({ from, offset }: Message): boolean => from !== bob.userId && offset > readOffset
  assert.deepEqual([shown.length, shown.filter(isUnread).length], [offset, unread])
  assert.ok(readOffset <= offset)
  return shown
}

/** A part of the suite: the state of the inbox that each page of messages or peers has. */
export const pagesSuite = ({ describe, on, onTwo }: SuiteContext): void => {
  describe('the state of an inbox in a page', () => {
    const readMessages = (engine: Engine): Promise<void> => {
      let from = 0
      return whileSending(engine, engine, async () => {
        const newest = await engine.messagesBefore(bob, null, LIMIT)
        const after = from
        const next = await engine.messagesAfter(bob, { offset: after }, LIMIT)
        from = next.messages.at(-1)?.offset ?? 0
        return [
          (all) => assert.deepEqual(newest.messages, shownBy(all, newest.inbox).slice(-LIMIT)),
          (all) => assert.deepEqual(next.messages, shownBy(all, next.inbox).slice(after, after + LIMIT)),
        ]
      })
    }

    const readPeers = (engine: Engine, reader: Engine): Promise<void> =>
      whileSending(engine, reader, async () => {
        const newest = await reader.messagesWith(bob, ada.userId, { before: null }, LIMIT)
        const oldest = await reader.messagesWith(bob, null, { after: 0 }, MESSAGES)
        const { peers, inbox } = await reader.peers(bob, null, SENDERS.length)
        const shownWith = (all: readonly Message[], { inbox }: InboxPage, peer: string | null): Message[] =>
          shownBy(all, inbox).filter((message) => peerOf(message) === peer)
        return [
          (all) => {
            const shown = shownWith(all, newest, ada.userId)
            assert.deepEqual(newest.messages, shown.slice(-LIMIT))
            assert.equal(newest.newest, shown.at(-1)?.offset ?? 0)
          },
          (all) => assert.deepEqual(oldest.messages, shownWith(all, oldest, null)),
          (all) => {
            const shown = shownBy(all, inbox)
            const ids = new Set(shown.map(peerOf))
            assert.equal(peers.length, ids.size)
            for (const { id, newest, readOffset, unread } of peers) {
              const own = shown.filter((message) => peerOf(message) === id)
              assert.deepEqual(newest, own.at(-1))
              assert.equal(readOffset, inbox.readOffset)
              const fromPeer = own.filter(({ from, offset }) => from === id && offset > readOffset)
              assert.equal(unread, fromPeer.length)
            }
          },
        ]
      })

    on('is that of the page’s messages, while others are stored', readMessages)

    on('is that of the messages with a peer, and of the list of peers, while others are stored', (engine) =>
      readPeers(engine, engine),
    )

    onTwo('is so on an engine whose data another engine changes', readPeers)
  })
}
