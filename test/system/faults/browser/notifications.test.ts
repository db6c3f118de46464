import { strict as assert } from 'node:assert'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../../src/element/define.js'
import {
  activeId,
  messagesIn,
  sender,
  sendFrom,
  untilReceived,
} from '../../../support/sites/rendered-site.js'
import { startServer } from '../../../support/network/http-server.js'
import { startClient } from '../../../support/raw-client.js'
import { guestStart } from '../../../support/starts.js'
import { until } from '../../../support/until.js'
import { untilState } from '../../../support/sites/page-state.js'
import { startProxy, type Wire } from '../../../support/network/proxy.js'
import { goTo, openTab as openCachedTab, show, testAgain } from './lone-browser.js'
import {
  announcedIn,
  context,
  hideAll,
  madeIn,
  openTab,
  setElement,
  startPlace,
  untilAnnounced,
  untilDecided,
  untilSeen,
  untilVisible,
} from './notifications-site.js'

test('a message that arrives while no tab is visible is shown once for all open tabs', async () => {
  const place = await startPlace()
  const tabs = [await openTab(place), await openTab(place), await openTab(place)]
  const [first] = tabs
  assert.ok(first)
  await hideAll(first)
  await place.bob.send({ to: 'ada', body: 'Hello' })
  for (const tab of tabs) await untilAnnounced(tab, 'Hello')
  await until(
    'shown notifications in all tabs',
    async () => {
      const counts = await Promise.all(tabs.map((tab) => tab.evaluate(() => window.seen.size)))
      return counts.reduce((sum, count) => sum + count)
    },
    1,
  )
  for (const tab of tabs)
    assert.deepEqual(await madeIn(tab), [
      { title: 'bob', body: 'Hello', tag: 'chat-session:app:ada:1', icon: '' },
    ])
})

test('no notification is shown while a tab is visible, also a tab without notifications, nor for messages that the user sent', async () => {
  const place = await startPlace()
  const one = await openTab(place)
  const other = await openTab(place)
  await setElement(other, { notifications: false })
  await show(other)
  await untilVisible(one, 1)
  await place.bob.send({ to: 'ada', body: 'seen by ada' })
  for (const tab of [one, other]) await untilReceived(tab, 'message seen by ada')
  await untilDecided(one)
  await show(one)
  await untilVisible(other, 1)
  await place.bob.send({ to: 'ada', body: 'seen again' })
  for (const tab of [one, other]) await untilReceived(tab, 'message seen again')
  await hideAll(one)
  await sendFrom(other, "ada's own")
  await place.bob.send({ to: 'ada', body: 'unseen' })
  await untilAnnounced(one, 'unseen')
  await untilReceived(other, 'message unseen')
  assert.deepEqual(await announcedIn(one), [{ type: 'session-notification', bodies: ['unseen'] }])
  assert.deepEqual(await announcedIn(other), [])
})

test('messages that were received in a visible tab are shown by no other tab', async () => {
  const place = await startPlace()
  const one = await openTab(place)
  const other = await openTab(place)
  await show(other)
  await untilVisible(one, 1)
  // These are more messages than are shown one by one.
  for (let sent = 1; sent <= 12; sent++) await place.bob.send({ to: 'ada', body: `seen ${sent}` })
  for (const tab of [one, other]) await untilReceived(tab, 'message seen 12')
  await untilDecided(one)
  await hideAll(one)
  for (const body of ['new 1', 'new 2']) {
    await place.bob.send({ to: 'ada', body })
    for (const tab of [one, other]) await untilAnnounced(tab, body)
  }
  for (const tab of [one, other])
    assert.deepEqual(
      (await madeIn(tab)).map(({ body }) => body),
      ['new 1', 'new 2'],
    )
})

test('the messages of a guest whom the user has adopted are not shown', async () => {
  const place = await startPlace()
  const tab = await openTab(place)
  await hideAll(tab)
  const guest = await startClient(place.gateway.url, guestStart)
  const { id } = guest.started['user'] as { id: string }
  await place.bob.send({ to: id, body: 'for the guest' })
  await place.gateway.gateway.client('app').adoptGuest({ user: 'ada', body: { guest: id } })
  await place.bob.send({ to: id, body: 'for the user' })
  await untilAnnounced(tab, 'for the user')
  await untilReceived(tab, 'message for the guest')
  assert.deepEqual(await announcedIn(tab), [{ type: 'session-notification', bodies: ['for the user'] }])
})

test('a listener changes what is shown, or stops it', async () => {
  const place = await startPlace({
    script: `document.addEventListener('session-notification', (event) => {
      const { detail } = event
      if (detail.messages[0].body === 'secret') return event.preventDefault()
      detail.title = 'A friend'
      Object.assign(detail.options, { body: 'wrote something', silent: true })
    })`,
  })
  const tab = await openTab(place)
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'secret' })
  await place.bob.send({ to: 'ada', body: 'no secret' })
  await untilSeen(tab, 1)
  const tag = 'chat-session:app:ada:2'
  assert.deepEqual(await madeIn(tab), [{ title: 'A friend', body: 'wrote something', tag, icon: '' }])
})

test('a message whose listener ends the session is not shown', async () => {
  const place = await startPlace({
    script: `document.addEventListener('session-message', ({ target, detail }) => {
      if (detail.message.body === 'last') target.end()
    })`,
  })
  const tab = await openTab(place)
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'last' })
  await untilState(tab, 'ended')
  await tab.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.start())
  await place.bob.send({ to: 'ada', body: 'first' })
  await untilSeen(tab, 1)
  assert.deepEqual(await announcedIn(tab), [{ type: 'session-notification', bodies: ['first'] }])
})

test('a click closes the notification, focuses the tab and fires session-notification-click', async () => {
  const place = await startPlace()
  const tab = await openTab(place)
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'Hello' })
  await untilSeen(tab, 1)
  await tab.evaluate(() => window.made[0]?.dispatchEvent(new Event('click')))
  await untilSeen(tab, 0)
  assert.equal(await tab.evaluate(() => window.focused), 1)
  assert.deepEqual((await announcedIn(tab)).at(-1), { type: 'session-notification-click', bodies: ['Hello'] })
})

/** Opens tabs, cuts their connections while bob sends to ada, and ada from another device, and reconnects them. */
const missMessages = async (bodies: string[], count = 1): Promise<Page[]> => {
  let isGone = false
  let target = ''
  const proxy = await startProxy(
    () => target,
    () => isGone,
  )
  const place = await startPlace({ from: proxy })
  target = place.gateway.url
  const tabs: Page[] = []
  while (tabs.length < count) tabs.push(await openTab(place))
  const [first] = tabs
  assert.ok(first)
  await hideAll(first)
  isGone = true
  proxy.cut()
  for (const tab of tabs) await untilState(tab, 'reconnecting')
  for (const body of bodies) await place.bob.send({ to: 'ada', body })
  const phone = await sender(place.gateway, 'ada')
  await phone.send({ to: 'bob', body: "ada's own" })
  isGone = false
  for (const tab of tabs) {
    await tab.evaluate(() => dispatchEvent(new Event('online')))
    await untilReceived(tab, "message ada's own")
  }
  return tabs
}

test('missed messages make one summary, which replaces the previous summary', async () => {
  const bodies = Array.from({ length: 30 }, (_, index) => `missed ${index}`)
  const tabs = await missMessages(bodies, 2)
  for (const tab of tabs) await untilAnnounced(tab, 'missed 29')
  for (const tab of tabs) {
    assert.deepEqual(await madeIn(tab), [
      { title: '/', body: '30 new messages', tag: 'chat-session:app:ada', icon: '' },
    ])
    assert.deepEqual(await announcedIn(tab), [{ type: 'session-notification', bodies: bodies.slice(-20) }])
  }
})

test('a flood of messages while no tab is visible is a few notifications and summaries, and the page stays responsive', async () => {
  const place = await startPlace()
  const tab = await openTab(place)
  await hideAll(tab)
  const [flood, batch] = [10_000, 100]
  const start = performance.now()
  /** What the page had received whenever it answered: asked after each batch, so that a slow machine is asked as often. */
  const lengths = new Set<number>()
  for (let sent = 0; sent < flood; sent += batch) {
    await Promise.all(
      Array.from({ length: batch }, (_, index) =>
        place.bob.send({ to: 'ada', body: `flood ${sent + index + 1}` }),
      ),
    )
    lengths.add(await tab.evaluate(() => window.received.length))
  }
  // A hidden page gets little CPU time on a busy machine.
  await untilAnnounced(tab, `flood ${flood}`, 300_000)
  const seconds = (performance.now() - start) / 1_000
  assert.ok(lengths.size > 50, `the page answered ${lengths.size} times`)

  assert.equal((await messagesIn(tab)).length, flood)
  const made = await madeIn(tab)
  assert.ok(made.length <= 5 + seconds, `${made.length} notifications in ${seconds} s`)
  assert.deepEqual(
    made.slice(0, 5).map(({ body }) => body),
    ['flood 1', 'flood 2', 'flood 3', 'flood 4', 'flood 5'],
  )
  const summaries = made.filter(({ tag }) => tag === 'chat-session:app:ada')
  const singles = made.length - summaries.length
  const counts = summaries.map(({ body }) => Number(/^(\d+) new messages$/.exec(body)?.[1]))
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    flood - singles,
  )
  // A summary replaces the previous one. On a slow machine the browser may have removed old notifications.
  await until('all were shown', () => tab.evaluate((least) => window.everShown >= least, singles + 1), true)
  await until(
    'one summary is shown',
    () => tab.evaluate((most) => window.seen.size <= most, singles + 1),
    true,
  )
  for (const { bodies } of await announcedIn(tab)) assert.ok(bodies.length <= 20)
})

test('a summary waits for all missed messages, also shortly after another notification', async () => {
  let isGone = false
  let target = ''
  let isStalled = true
  const last = 'missed 30'
  const wires: Wire[] = []
  const proxy = await startProxy(
    () => target,
    () => isGone,
    (wire) => {
      wires.push(wire)
      if (isStalled) wire.down.stall(last)
    },
  )
  const place = await startPlace({ from: proxy })
  target = place.gateway.url
  const tab = await openTab(place)
  await hideAll(tab)
  isGone = true
  await place.bob.send({ to: 'ada', body: 'live' })
  await untilAnnounced(tab, 'live')
  proxy.cut()
  await untilState(tab, 'reconnecting')
  for (let n = 1; n < 30; n += 1)
    await place.bob.send({ to: 'ada', body: `missed ${n}`, data: { more: 'x'.repeat(16_000) } })
  await place.bob.send({ to: 'ada', body: last })
  isGone = false
  await tab.evaluate(() => dispatchEvent(new Event('online')))
  await untilReceived(tab, 'message missed 1')
  // This timer fires after the timer of the previous notification.
  await tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_000)))
  isStalled = false
  // On a slow machine the session also tries a stream, whose connection is the last one, and not the one that has the messages.
  for (const { down } of wires) down.flow()
  await untilAnnounced(tab, last)
  assert.deepEqual(
    (await madeIn(tab)).map(({ body }) => body),
    ['live', '30 new messages'],
  )
})

test('a single missed message is shown as itself', async () => {
  const [tab] = await missMessages(['the only one'])
  assert.ok(tab)
  await untilSeen(tab, 1)
  assert.deepEqual(await madeIn(tab), [
    { title: 'bob', body: 'the only one', tag: 'chat-session:app:ada:1', icon: '' },
  ])
})

test('the element never asks for permission by itself, and shows nothing before requestNotifications()', async () => {
  const place = await startPlace()
  await context.clearPermissions()
  const tab = await openTab(place)
  assert.equal(await tab.evaluate(() => Notification.permission), 'default')
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'too early' })
  await untilReceived(tab, 'message too early')
  assert.equal(await tab.evaluate(() => window.asked), 0)
  await context.grantPermissions(['notifications'], { origin: place.site.url })
  await tab.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.requestNotifications())
  await place.bob.send({ to: 'ada', body: 'Hello' })
  await untilSeen(tab, 1)
  assert.deepEqual(await announcedIn(tab), [{ type: 'session-notification', bodies: ['Hello'] }])
})

test('notifications can be turned on and off, and the session goes on', async () => {
  const place = await startPlace({ attributes: {} })
  const tab = await openTab(place)
  const id = await activeId(tab)
  await hideAll(tab)
  for (const [body, notifications] of [
    ['off', false],
    ['on', true],
    ['off again', false],
  ] as const) {
    await setElement(tab, { notifications })
    await place.bob.send({ to: 'ada', body })
    await untilReceived(tab, `message ${body}`)
    if (notifications) await untilSeen(tab, 1)
  }
  assert.equal(await activeId(tab), id)
  assert.deepEqual(await announcedIn(tab), [{ type: 'session-notification', bodies: ['on'] }])
})

testAgain(
  'a page with notifications goes into the back/forward cache, and takes its lock again when it comes back',
  async () => {
    const place = await startPlace()
    const other = await openTab(place)
    const tab = await openCachedTab(context)
    await tab.goto(place.site.url)
    await activeId(tab)
    await show(tab)
    await untilVisible(other, 1)
    await tab.goto('about:blank')
    await untilVisible(other, 0)
    await goTo(tab, -1, `${place.site.url}/`)
    await untilVisible(other, 1)
  },
)

test('a notification goes when the read mark passes its message, here or on another device', async () => {
  const place = await startPlace()
  const tabs = [await openTab(place), await openTab(place)]
  const [one, other] = tabs
  assert.ok(one && other)
  const phone = await sender(place.gateway, 'ada')
  await hideAll(one)
  const shown = async (): Promise<string> => {
    const bodies = await Promise.all(
      tabs.map((tab) => tab.evaluate(() => [...window.seen].map(({ body }) => body))),
    )
    return bodies.flat().sort().join()
  }
  for (const body of ['a', 'b', 'c']) {
    await place.bob.send({ to: 'ada', body })
    for (const tab of tabs) await untilAnnounced(tab, body)
  }
  await until('shown notifications', shown, 'a,b,c')
  await phone.markRead(2)
  await until('the notifications of what is unread', shown, 'c')
  await other.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.markRead(3))
  await until('no notification', shown, '')
})

test('a notification goes when the mark of its sender passes its message', async () => {
  const place = await startPlace()
  const tab = await openTab(place)
  const [phone, carl] = [await sender(place.gateway, 'ada'), await sender(place.gateway, 'carl')]
  await hideAll(tab)
  const bodies = (): Promise<string> => tab.evaluate(() => [...window.seen].map(({ body }) => body).join())
  for (const [from, body] of [
    [carl, 'c'],
    [place.bob, 'b1'],
    [place.bob, 'b2'],
  ] as const) {
    await from.send({ to: 'ada', body })
    await untilAnnounced(tab, body)
  }
  await until('shown notifications', bodies, 'c,b1,b2')
  await phone.markRead(2, { with: 'bob' })
  await until('what is unread', bodies, 'c,b2')
  await phone.markRead(3, { with: 'bob' })
  await until('what is unread', bodies, 'c')
  await phone.markRead(1, { with: 'carl' })
  await until('no notification', bodies, '')
})

test('a message that was read while the icon of its notification loads gets none', async () => {
  // The browser loads the icon before it shows the notification.
  const asked: ServerResponse[] = []
  const icons = await startServer((_, response) => void asked.push(response))
  const place = await startPlace({
    script: `document.addEventListener('session-notification', ({ detail }) => (detail.options.icon = '${icons.url}'))`,
  })
  const tab = await openTab(place)
  const phone = await sender(place.gateway, 'ada')
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'read elsewhere' })
  await untilAnnounced(tab, 'read elsewhere')
  await until('the browser has asked for the icon', () => asked.length, 1)
  await phone.markRead(1)
  await untilReceived(tab, 'unread 0')
  asked[0]?.writeHead(404).end()
  // Chromium can't close it before that.
  const counts = (): Promise<string> => tab.evaluate(() => `${window.everShown}, ${window.seen.size}`)
  await until('it was shown, and is no more', counts, '1, 0')
})

test('a message that was read before its notification is shown gets none', async () => {
  const place = await startPlace()
  const tab = await openTab(place)
  const phone = await sender(place.gateway, 'ada')
  await hideAll(tab)
  // More than are shown at once: the last ones wait for their summary.
  for (let sent = 1; sent <= 7; sent += 1) await place.bob.send({ to: 'ada', body: `new ${sent}` })
  await untilReceived(tab, 'message new 7')
  await phone.markRead(7)
  await untilSeen(tab, 0)
  await untilReceived(tab, 'unread 0')
  await place.bob.send({ to: 'ada', body: 'after' })
  await untilAnnounced(tab, 'after')
  const bodies = (await announcedIn(tab)).flatMap((announced) => announced.bodies)
  assert.ok(!bodies.includes('new 7'), bodies.join())
})
