import type { Case } from '../bench.js'
import { messageFrame, messageOf, USER } from '../frames.js'
import { expect } from '../watch.js'

export const reading: Case[] = [
  {
    name: 'history',
    section: 'reading',
    core: false,
    rule: 'A history names the epoch and its bounds, and gets the answer with its id, in any order of the answers.',
    async run(bench) {
      const { client, connection } = await bench.begin({ offset: 9 })
      client.tell({ type: 'history', id: 'first', before: 5, limit: 2 })
      client.tell({ type: 'history', id: 'second', after: 5 })
      const [one, other] = [await connection.next('history'), await connection.next('history')]
      for (const { epoch } of [one, other])
        expect(epoch === 'epoch-1', `The client asks for the epoch ${epoch}, not epoch-1.`)
      expect(
        one.before === 5 && one.limit === 2 && one.after === undefined,
        'The bounds are not those asked for.',
      )
      expect(other.after === 5 && other.before === undefined, 'The bounds are not those asked for.')
      const message = messageOf(4)
      connection.send(
        { type: 'history', id: other.id, messages: [] },
        { type: 'history', id: one.id, messages: [message] },
      )
      const empty = await client.next('history', ({ id }) => id === 'second')
      const full = await client.next('history', ({ id }) => id === 'first')
      expect(empty.messages.length === 0, 'The client gave a history the answer of another one.')
      expect(
        full.messages.length === 1 && full.messages[0]?.body === message.body,
        'The history is another one.',
      )
      expect(client.all('message').length === 0, 'The client delivered messages of a history as new ones.')
    },
  },
  {
    name: 'read',
    section: 'reading',
    core: false,
    rule: 'A read mark is sent again on the next connection until an `unread` has reached it.',
    async run(bench) {
      const { gateway, client, connection } = await bench.begin({ offset: 3, unread: 3 })
      client.tell({ type: 'read', offset: 2 })
      const { epoch, offset } = await connection.next('read')
      expect(epoch === 'epoch-1' && offset === 2, 'The client marked another offset, or another epoch.')
      connection.cut()
      const second = await gateway.begin({ offset: 3, unread: 3 })
      await second.next('read')
      expect(client.all('read').length === 0, 'The client told a mark as taken before the gateway did.')
      second.send({ type: 'unread', unread: 1, readOffset: 2 })
      await client.next('read')
      const { unread } = await client.next('unread', ({ unread }) => unread < 3)
      expect(unread === 1, `The client told ${unread} unread messages, not 1.`)
    },
  },
  {
    name: 'unread',
    section: 'reading',
    core: false,
    rule: 'Unread messages are counted from `started` on: own copies add none, and an `unread` replaces the count.',
    async run(bench) {
      const { client, connection } = await bench.begin({ offset: 5, unread: 2 })
      await client.next('unread', ({ unread }) => unread === 2)
      connection.send(messageFrame(6, { from: USER }), messageFrame(7))
      await client.next('unread', ({ unread }) => unread === 3)
      connection.send({ type: 'unread', unread: 0, readOffset: 7 }, messageFrame(8))
      await client.next('unread', ({ unread }) => unread === 1)
      const counts = client.all('unread').map(({ unread }) => unread)
      expect(Math.max(...counts) === 3, `The client told ${counts.join(', ')} unread messages.`)
    },
  },
  {
    name: 'missed-unread',
    section: 'reading',
    core: false,
    rule: 'Missed messages that `started` has counted are not counted again.',
    async run(bench) {
      const { gateway, client, connection } = await bench.begin()
      connection.cut()
      const second = await gateway.begin({ offset: 2, unread: 2 })
      second.send(messageFrame(1), messageFrame(2), messageFrame(3))
      await client.next('unread', ({ unread }) => unread === 3)
      const counts = client.all('unread').map(({ unread }) => unread)
      expect(Math.max(...counts) === 3, `The client told ${counts.join(', ')} unread messages.`)
    },
  },
]
