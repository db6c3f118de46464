import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import {
  receivedIn,
  openActive,
  sender,
  sendFrom,
  serveSite,
  startDurableGateway,
  untilReceived,
  withToken,
} from '../../support/sites/rendered-site.js'
import { until } from '../../support/until.js'

test('a read mark in one of a user’s pages counts in the other, on another device too', async () => {
  const gateway = await startDurableGateway()
  const bob = await sender(gateway)
  const site = await serveSite(gateway, withToken('ada'))
  const { page: phone } = await openActive(site)
  const { page: desk } = await openActive(site)
  await bob.send({ to: 'ada', body: 'one' })
  const { offset } = await bob.send({ to: 'ada', body: 'two' })
  assert.equal(offset, 2)
  for (const each of [phone, desk]) await untilReceived(each, 'unread 2')
  await phone.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.markRead(1))
  for (const each of [phone, desk])
    await each.waitForFunction(() => document.querySelector<ChatSessionElement>('chat-session')?.unread === 1)
  await desk.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.markRead(2))
  for (const each of [phone, desk]) await untilReceived(each, 'unread 0')
  for (const each of [phone, desk])
    assert.deepEqual(
      (await receivedIn(each)).filter((line) => line.startsWith('unread')),
      ['unread 1', 'unread 2', 'unread 1', 'unread 0'],
    )
})

test('a message that a user sends in one page is received in the other, and is unread in neither', async () => {
  const gateway = await startDurableGateway()
  const bob = await sender(gateway)
  const got: string[] = []
  bob.addEventListener('message', ({ detail }) => got.push(detail.message.body ?? ''))
  const site = await serveSite(gateway, withToken('ada'))
  const { page: phone } = await openActive(site)
  const { page: desk } = await openActive(site)
  await sendFrom(phone, 'from the phone')
  await sendFrom(desk, 'from the desk')
  for (const each of [phone, desk]) {
    await untilReceived(each, 'message from the desk')
    assert.deepEqual(await receivedIn(each), [
      'starting',
      'active',
      'message from the phone',
      'message from the desk',
    ])
  }
  await until('messages that bob received', () => got.length, 2)
  assert.deepEqual(got, ['from the phone', 'from the desk'])
})
