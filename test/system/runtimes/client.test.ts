// The built ChatSession on each runtime, with the runtime's own WebSocket. Node has one from version 22 on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../support/gateway.js'
import { startProxy } from '../../support/network/proxy.js'
import { outputOf, runtimeCommands } from '../../support/processes/run-program.js'
import { secret } from '../../support/tokens.js'

const isOwn = 'WebSocket' in globalThis

/** Two sessions send a message before and after their connections are cut, and end. */
const programFor = (url: string, socketOption: string): string => `
import { ChatSession } from 'chat-session'
import { createToken } from 'chat-session/tokens'
const open = async (userId) => {
  const tokenFetcher = () => createToken({ appId: 'app', userId, secret: ${JSON.stringify(secret)} })
  const session = new ChatSession({ endpoint: ${JSON.stringify(url)}, appId: 'app', tokenFetcher, ${socketOption} })
  const { succeeded, error } = await session.start()
  if (!succeeded) throw error
  return session
}
const next = (session, type) => new Promise((resolve) => session.addEventListener(type, resolve, { once: true }))
const [ada, bob] = [await open('ada'), await open('bob')]
const { sessionId } = bob
const first = next(bob, 'message')
await ada.send({ to: 'bob', body: 'before' })
console.log((await first).detail.message.body)
const lost = [next(ada, 'state'), next(bob, 'state')]
console.log('cut')
for (const event of lost) console.log((await event).detail.state)
const second = next(bob, 'message')
await ada.send({ to: 'bob', body: 'after' })
console.log((await second).detail.message.body, bob.sessionId === sessionId)
const messages = await bob.history()
console.log(messages.map(({ body }) => body).join())
await bob.markRead(messages.at(-1).offset)
await Promise.all([ada.end(), bob.end()])
console.log(ada.state, bob.unread)
`

for (const name of ['Node', 'Deno', 'Bun'])
  test(`the built session sends, is resumed and ends on ${name}`, { timeout: 300_000 }, async () => {
    const { url } = await startGateway()
    const proxy = await startProxy(url)
    const socketOption = name === 'Node' && !isOwn ? "WebSocket: (await import('ws')).WebSocket" : ''
    const command = runtimeCommands(programFor(proxy.url, socketOption))[name]
    assert.ok(command)
    let isCut = false
    const output = await outputOf(command, (soFar) => {
      if (!isCut && soFar.includes('cut\n')) proxy.cut()
      isCut = soFar.includes('cut\n')
    })
    assert.equal(output, 'before\ncut\nreconnecting\nreconnecting\nafter true\nbefore,after\nended 0\n')
  })
