// Messages in many fragments. Node's frame reader refuses them. Bun joins the fragments before the gateway sees any.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { bun, node } from '../../support/processes/runtimes.js'
import { openSession, opcodes, rawFrame, type RawSession } from '../../support/clients/raw-session.js'
import { until } from '../../support/until.js'
import { serve, serveOnBoth, testOnBoth } from './serve.js'

const urlOf = await serveOnBoth()

const text = JSON.stringify({ type: 'send', id: 'fragments', to: 'bob', body: 'x'.repeat(10_000) })
const part = (content: string): Buffer => rawFrame('continuation', content, { isLast: false })
const beginning = rawFrame('text', '', { isLast: false })
const ofOneByte = Buffer.concat(Array.from(text, (character) => part(character)))
const empty = Buffer.concat(Array.from({ length: 100_000 }, () => part('')))
const last = rawFrame('continuation', '')

const writeInParts = ({ socket }: RawSession): void => {
  for (const bytes of [beginning, ofOneByte, empty, last]) socket.write(bytes)
}

test('Node: a message of 10,000 fragments and 100,000 empty ones ends the connection with 1008', async () => {
  const session = await openSession(urlOf(node), 'ada')
  writeInParts(session)
  await until('a close frame', session.closeCode, 1008)
  session.socket.destroy()
})

test('Bun: a message of 10,000 fragments and 100,000 empty ones is answered', async () => {
  const session = await openSession(urlOf(bun), 'ada')
  writeInParts(session)
  await until('the answer', () => session.frames().some(({ id }) => id === 'fragments'))
  session.socket.destroy()
})

testOnBoth('a message of 140 kB in a few fragments ends the connection with 1009', async (runtime) => {
  const session = await openSession(urlOf(runtime), 'ada')
  session.socket.write(
    Buffer.concat([beginning, ...Array.from({ length: 4 }, () => part('x'.repeat(35_000)))]),
  )
  await until('a close frame', session.closeCode, 1009)
  session.socket.destroy()
})

test('Bun: an unfinished message takes the memory of its bytes, however many its fragments are', async () => {
  const { address, child } = await serve(bun)
  /** The most memory that the gateway had so far, in kB. */
  const peak = async (): Promise<number> => {
    const status = await readFile(`/proc/${child.pid}/status`, 'latin1')
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1])
  }
  const users = Array.from({ length: 20 }, (_, index) => `user ${index}`)
  const sessions = await Promise.all(users.map((user) => openSession(address, user)))
  const before = await peak()
  const fragments = 120_000
  const bytes = Buffer.concat([
    beginning,
    Buffer.alloc(fragments * part('x').length, part('x')),
    rawFrame('ping', ''),
  ])
  for (const { socket } of sessions) socket.write(bytes)
  // Bun answers the ping when it has read what came before.
  for (const session of sessions)
    await until('a pong', () => session.webSocketFrames().some(({ opcode }) => opcode === opcodes.pong))
  const grown = (await peak()) - before
  // The fragments have 2.4 MB. If each took the memory of the smallest object, they would take 60 MB more.
  assert.ok(grown < 20_000, `${grown} kB`)
  for (const { socket } of sessions) socket.destroy()
})
