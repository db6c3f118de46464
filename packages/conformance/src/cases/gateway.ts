import type { Bench, Case } from '../bench.js'
import type { Client } from '../client.js'
import { APP, PEER, USER } from '../frames.js'
import type { RealGateway } from '../real-gateway.js'
import { expect } from '../watch.js'

/** Milliseconds between two looks at the gateway's data. */
const LOOK = 50

const idsOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`)

const startAs = async (
  bench: Bench,
  gateway: RealGateway,
  userId: string,
  expiresIn?: number,
  transports?: readonly ['stream'],
): Promise<Client> => {
  const client = bench.client()
  client.tell({
    type: 'start',
    endpoint: gateway.url,
    appId: APP,
    userId,
    token: await gateway.tokenFor(userId, expiresIn),
    ...(transports && { transports }),
  })
  await client.reaches('active')
  return client
}

/** Waits until `holds` resolves with true. Rejects with the sentence `otherwise` when `watch.limit` is over. */
const eventually = async (
  { watch }: Bench,
  otherwise: string,
  holds: () => Promise<boolean>,
): Promise<void> => {
  for (let looks = watch.limit / LOOK; !(await holds()); looks -= 1) {
    expect(looks > 0, otherwise)
    await watch.pause(LOOK)
  }
}

/** Expects that a user's inbox has these messages, in this order and each once. */
const expectInbox = async (gateway: RealGateway, user: string, ids: readonly string[]): Promise<void> => {
  const { messages } = await gateway.rest.listMessages({ user, limit: 100 })
  const stored = messages.map(({ id }) => id)
  expect(String(stored) === String(ids), `The inbox has ${stored.join(', ')}, not ${ids.join(', ')}.`)
}

/** Lets two clients exchange messages. Then ends the session of the first client. */
const talk = async (bench: Bench, transports?: readonly ['stream']): Promise<void> => {
  const gateway = await bench.realGateway()
  const [ann, bob] = await Promise.all([
    startAs(bench, gateway, USER, undefined, transports),
    startAs(bench, gateway, PEER, undefined, transports),
  ])
  ann.tell({ type: 'send', id: 'hello', to: PEER, body: 'Hello, Bob' })
  await ann.next('sent', ({ id }) => id === 'hello')
  const { message } = await bob.next('message')
  expect(message.from === USER && message.body === 'Hello, Bob', 'The message came changed.')
  bob.tell({ type: 'send', id: 'answer', to: USER, data: { answer: [42] } })
  const answer = await ann.next('message', ({ message }) => message.from === PEER)
  expect(JSON.stringify(answer.message.data) === '{"answer":[42]}', 'The data of a message came changed.')
  ann.tell({ type: 'end' })
  await ann.reaches('over')
  await eventually(bench, 'The session is still at the gateway after its end.', async () => {
    const { sessions } = await gateway.rest.listUserSessions({ user: USER })
    return sessions.length === 0
  })
}

/** Sends `count` messages, and cuts the connection `cuts` times in between. Expects that all messages are stored in order. */
const sendAll = async (
  bench: Bench,
  perSecond: number | undefined,
  count: number,
  cuts: number,
): Promise<void> => {
  const gateway = await bench.realGateway(perSecond)
  await gateway.rest.putUser({ user: PEER, body: {} })
  const ann = await startAs(bench, gateway, USER)
  const ids = idsOf(count)
  for (const [index, id] of ids.entries()) {
    ann.tell({ type: 'send', id, to: PEER, body: id })
    if (cuts > 0 && index % Math.ceil(count / cuts) === 5) {
      await ann.next('sent')
      gateway.cut()
    }
  }
  await eventually(bench, 'The client did not send all messages.', () =>
    Promise.resolve(ann.all('sent').length >= count),
  )
  await expectInbox(gateway, PEER, ids)
  expect(ann.all('sent').length === count, 'The client told a message as sent twice.')
}

export const gateway: Case[] = [
  {
    name: 'talk',
    section: 'gateway',
    core: true,
    rule: 'Two users talk at a right gateway, and the session of one ends.',
    run: (bench) => talk(bench),
  },
  {
    name: 'talk-stream',
    section: 'gateway',
    core: false,
    rule: 'The same by streams.',
    run: (bench) => talk(bench, ['stream']),
  },
  {
    name: 'cuts',
    section: 'gateway',
    core: true,
    rule: 'While connections are cut a client gets each message once, in order, in the same session.',
    async run(bench) {
      const gateway = await bench.realGateway()
      const ann = await startAs(bench, gateway, USER)
      const sessionOf = async (): Promise<string | undefined> =>
        (await gateway.rest.listUserSessions({ user: USER })).sessions[0]?.id
      const session = await sessionOf()
      const ids = idsOf(30)
      for (const [index, id] of ids.entries()) {
        await gateway.rest.sendMessage({ user: USER, body: { id, body: id } })
        if (index % 10 === 5) gateway.cut()
      }
      await ann.next('message', ({ message }) => message.id === ids.at(-1))
      const delivered = ann.all('message').map(({ message }) => message.id)
      expect(String(delivered) === String(ids), `The client delivered ${delivered.join(', ')}.`)
      expect((await sessionOf()) === session, 'The client is in another session than before.')
    },
  },
  {
    name: 'sends',
    section: 'gateway',
    core: true,
    rule: 'Messages that are sent while connections are cut are stored once, in order.',
    run: (bench) => sendAll(bench, undefined, 30, 3),
  },
  {
    name: 'burst',
    section: 'gateway',
    core: true,
    rule: 'Messages beyond a rate limit are stored later, in order.',
    run: (bench) => sendAll(bench, 5, 15, 0),
  },
  {
    name: 'refresh',
    section: 'gateway',
    core: true,
    rule: 'A session outlives its first token.',
    async run(bench) {
      const gateway = await bench.realGateway()
      const ann = await startAs(bench, gateway, USER, 4)
      const sessionOf = async () => (await gateway.rest.listUserSessions({ user: USER })).sessions
      const [before] = await sessionOf()
      await ann.next('ask')
      ann.tell({ type: 'token', token: await gateway.tokenFor(USER) })
      await eventually(bench, 'The gateway did not get the fresh token.', async () => {
        const [session] = await sessionOf()
        return (session?.expiresAt ?? 0) > Date.now() + 60_000
      })
      const sessions = await sessionOf()
      expect(sessions.length === 1 && sessions[0]?.id === before?.id, 'The client began another session.')
      await gateway.rest.sendMessage({ user: USER, body: { body: 'Still here?' } })
      await ann.next('message')
      expect(ann.all('state').length === 1, 'The client lost its connection over a fresh token.')
    },
  },
]
