import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Message } from '../../../src/protocol/index.js'
import { restOf } from './rest-calls.js'

interface Page {
  epoch: string
  offset: number
  unread: number
  messages: Message[]
  next?: string
  since?: string
}

const MESSAGES = 300
/** How many messages are sent at once. */
const LANES = 16

/** A test that pages of messages, which are read while messages come, agree with the state in the same answer. */
export const pageTests = (on: string, url: string): void => {
  const rest = restOf(url)

  test(`a page of messages is up to the offset in the same answer, while messages come ${on}`, async () => {
    const read = async (query: string): Promise<Page> => {
      const { status, body } = await rest('GET', `/users/busy/messages?${query}`)
      assert.equal(status, 200)
      return body as Page
    }
    const newestIn = ({ messages }: Page, after = 0): number => messages.at(-1)?.offset ?? after

    /** Checks what is true of every page: all messages are from the backend, and none is read. */
    const check = (page: Page, query: string, after = 0): void => {
      const { epoch, offset, unread, since } = page
      assert.equal(unread, offset, query)
      const newest = newestIn(page, after)
      assert.ok(newest <= offset, `${newest} > ${offset} in ${query}`)
      if (since !== undefined) assert.deepEqual([since, newest], [`${epoch}/${offset}`, offset], query)
    }

    const sendOne = async (): Promise<void> => {
      assert.equal((await rest('POST', '/users/busy/messages', { body: 'x' })).status, 201)
    }
    await sendOne()
    let [sent, ended] = [1, 0]
    const send = async (): Promise<void> => {
      while (sent++ < MESSAGES) await sendOne()
      ended++
    }
    const readPages = async (peer: string): Promise<void> => {
      while (ended < LANES) {
        for (const limit of [3, 100]) {
          const query = `${peer}limit=${limit}`
          const newest = await read(query)
          check(newest, query)
          assert.ok(newest.since, 'the page has the newest message')
          assert.equal(newest.messages.length, Math.min(limit, newest.offset))
          assert.equal(newest.next !== undefined, newest.offset > limit)
          if (newest.next === undefined) continue
          const older = await read(`limit=${limit}&cursor=${newest.next}`)
          check(older, 'an older page')
          assert.equal(newestIn(older), newest.offset - limit)
          assert.equal(older.since, undefined)
          for (const after of [newest.offset - limit, newest.offset]) {
            const later = await read(`${query}&after=${after}`)
            check(later, `${query}&after`, after)
            assert.equal(later.next !== undefined, newestIn(later, after) < later.offset)
            assert.equal(later.since === undefined, later.next !== undefined)
          }
        }
      }
    }
    await Promise.all([...Array.from({ length: LANES }, send), readPages(''), readPages('with=&')])
    assert.equal((await read('limit=1')).offset, MESSAGES)
  })
}
