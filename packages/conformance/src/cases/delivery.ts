import type { Bench, Begun, Case } from '../bench.js'
import type { Client } from '../client.js'
import type { Connection } from '../connection.js'
import { messageFrame, startedFrame } from '../frames.js'
import { expect } from '../watch.js'

/** Waits for the message with the last of `offsets`, and expects that the client has delivered exactly these offsets in this order. */
const expectDelivered = async (client: Client, ...offsets: number[]): Promise<void> => {
  await client.next('message', ({ message }) => message.offset === offsets.at(-1))
  const delivered = client.all('message').map(({ message }) => message.offset)
  expect(
    String(delivered) === String(offsets),
    `The client delivered the offsets ${delivered.join(', ')}, not ${offsets.join(', ')}.`,
  )
}

const expectResume = ({ start }: Connection, key: string, epoch: string, offset: number): void => {
  const { resume } = start
  expect(resume, 'The start after a lost connection has no `resume`.')
  expect(resume.key === key, 'The start has another key than the last `started`.')
  expect(resume.epoch === epoch, `The start resumes the epoch ${resume.epoch}, not ${epoch}.`)
  expect(resume.offset === offset, `The start resumes from offset ${resume.offset}, not ${offset}.`)
}

/** Begins a session with the resume key `first`, delivers two messages and cuts the connection. */
const beginAndLose = async (bench: Bench): Promise<Begun> => {
  const begun = await bench.begin({ resumeKey: 'first' })
  begun.connection.send(messageFrame(1), messageFrame(2))
  await expectDelivered(begun.client, 1, 2)
  begun.connection.cut()
  return begun
}

export const delivery: Case[] = [
  {
    name: 'duplicates',
    section: 'delivery',
    core: true,
    rule: 'Messages are delivered in order, each offset once.',
    async run(bench) {
      const { client, connection } = await bench.begin()
      connection.send(...[1, 2, 2, 1, 3].map((offset) => messageFrame(offset)))
      await expectDelivered(client, 1, 2, 3)
    },
  },
  {
    name: 'resume',
    section: 'delivery',
    core: true,
    rule: 'After a loss a start resumes the session from the newest offset, with credentials, and drops repeated messages.',
    async run(bench) {
      const { gateway, client } = await beginAndLose(bench)
      const second = await gateway.begin({ resumeKey: 'second' })
      expectResume(second, 'first', 'epoch-1', 2)
      expect(second.start.token === 'token-1', 'The start that resumes has no credentials.')
      second.send(messageFrame(2), messageFrame(3))
      await expectDelivered(client, 1, 2, 3)
      second.cut()
      expectResume(await gateway.begin(), 'second', 'epoch-1', 3)
    },
  },
  {
    name: 'old-key',
    section: 'delivery',
    core: true,
    rule: 'If a connection is lost before its `started`, the next start has the key of the last `started`.',
    async run(bench) {
      const { gateway, client } = await beginAndLose(bench)
      const unanswered = await gateway.connection()
      unanswered.cut()
      const third = await gateway.begin()
      expectResume(third, 'first', 'epoch-1', 2)
      await client.reaches('active')
    },
  },
  {
    name: 'new-session',
    section: 'delivery',
    core: true,
    rule: 'If the session could not be resumed, a new one goes on from the same offset.',
    async run(bench) {
      const { gateway, client } = await beginAndLose(bench)
      const second = await gateway.begin({ resumed: false, sessionId: 'session-2', resumeKey: 'second' })
      second.send(messageFrame(3))
      await expectDelivered(client, 1, 2, 3)
      second.cut()
      expectResume(await gateway.begin(), 'second', 'epoch-1', 3)
    },
  },
  {
    name: 'holes',
    section: 'delivery',
    core: true,
    rule: 'If messages were lost, the client says so, delivers those after the hole, and resumes after them.',
    async run(bench) {
      const { gateway, client } = await beginAndLose(bench)
      const second = await gateway.begin({ resumeKey: 'second', offset: 8, lost: true })
      await client.next('lost')
      second.send(messageFrame(7), messageFrame(8))
      await expectDelivered(client, 1, 2, 7, 8)
      second.cut()
      expectResume(await gateway.begin(), 'second', 'epoch-1', 8)
    },
  },
  {
    name: 'epoch',
    section: 'delivery',
    core: true,
    rule: 'Offsets of another epoch are new: its messages are delivered from the first, as after a loss.',
    async run(bench) {
      const { gateway, client } = await beginAndLose(bench)
      const changes = { resumeKey: 'second', resumed: false, epoch: 'epoch-2', offset: 2, lost: true }
      const second = await gateway.begin(changes)
      await client.next('lost')
      second.send(messageFrame(1), messageFrame(2), messageFrame(3))
      await expectDelivered(client, 1, 2, 1, 2, 3)
      second.cut()
      expectResume(await gateway.begin(), 'second', 'epoch-2', 3)
    },
  },
  {
    name: 'rollback',
    section: 'delivery',
    core: true,
    rule: 'If the inbox ends before the offset that was seen, everything in it is delivered.',
    async run(bench) {
      const { gateway, client } = await beginAndLose(bench)
      const second = await gateway.begin({ offset: 1, lost: true })
      await client.next('lost')
      second.send(messageFrame(1), messageFrame(2), messageFrame(3))
      await expectDelivered(client, 1, 2, 1, 2, 3)
    },
  },
  {
    name: 'since',
    section: 'delivery',
    core: false,
    rule: 'A start has the position up to which a server drew the page, and the session goes on from there.',
    async run(bench) {
      const gateway = await bench.scriptedGateway()
      const client = bench.start(gateway, { since: 'epoch-1/4' })
      const first = await gateway.connection()
      const { since } = first.start
      expect(since?.epoch === 'epoch-1' && since.offset === 4, 'The start does not have `since`.')
      first.send(startedFrame(first.start, 5, { resumeKey: 'first' }), messageFrame(4), messageFrame(5))
      await expectDelivered(client, 5)
      first.cut()
      expectResume(await gateway.begin(), 'first', 'epoch-1', 5)
    },
  },
]
