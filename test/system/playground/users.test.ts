import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { until } from '../../support/until.js'
import { itOnPlayground as it, type Panel, type Playground } from '../../support/sites/playground-page.js'

/** Waits until the sessions of the first users, Alice, Bob and a guest, are active. */
const firstUsers = async ({ panel }: Playground) => {
  const users = [panel(0), panel(1), panel(2)] as const
  for (const { reaches } of users) await reaches('active')
  return users
}

/** Waits until a link is up, and dispatches `online`. Otherwise the next attempt may wait for seconds. */
const online = async ({ page }: Playground, { at }: Panel): Promise<void> => {
  await at.locator('.up[aria-pressed=true]').waitFor()
  await page.evaluate(() => dispatchEvent(new Event('online')))
}

describe('the playground: several users', () => {
  it('has three sessions when it opens; two users write to each other, and each marks messages as read', async (playground) => {
    const { page } = playground
    const [alice, bob, guest] = await firstUsers(playground)
    assert.deepEqual(await Promise.all([alice.user(), bob.user(), guest.user()]), [
      'alice',
      'bob',
      'guest:visitor',
    ])
    await alice.write('Bob Okafor', 'Is the lamp still there?')
    await bob.message('Is the lamp still there?').getByText('Alice Moreau').waitFor()
    await bob.unread().getByText('1 unread').waitFor()
    await page.getByRole('link', { name: /^Bob 1 unread, active$/ }).waitFor()
    await bob.write('Alice Moreau', '<b>It is.</b>')
    await alice.message('<b>It is.</b>').getByText('unread').waitFor()
    await bob.message('<b>It is.</b>').getByText('to Alice Moreau').waitFor()
    assert.equal(await guest.at.locator('.thread li').count(), 0)

    await bob.press('Mark as read')
    await bob.unread().waitFor({ state: 'detached' })
    assert.equal(await bob.message('Is the lamp').getByText('unread').count(), 0)
    assert.equal(
      await alice.unread().innerText(),
      '1 unread',
      'Bob’s read mark does not change Alice’s unread count',
    )
    await bob.logs(/session-message\s+1, alice → bob/)
    await bob.logs(/session-unread\s+0/)

    await page.reload()
    const [again, other] = await firstUsers(playground)
    await again.message('<b>It is.</b>').getByText('unread').waitFor()
    await other.message('Is the lamp still there?').waitFor()
    assert.equal(await other.unread().count(), 0)
  })

  it('shows of those who have written that they are online, and that they type', async (playground) => {
    const [alice, bob] = await firstUsers(playground)
    const contact = bob.at.getByRole('button', { name: /^\s*Alice Moreau/ }).locator('small')
    await alice.write('Bob Okafor', 'Is the lamp still there?')
    await contact.getByText('online').waitFor()
    await alice.at.getByLabel('Message', { exact: true }).pressSequentially('And')
    await contact.getByText('is typing…').waitFor()
    await alice.write('Bob Okafor', 'And the mug?')
    await contact.getByText('online').waitFor()
    await alice.press('end()')
    await contact.filter({ hasText: /^$/ }).waitFor({ state: 'attached' })
  })

  it('has a conversation with each peer, and marks the messages of one as read', async (playground) => {
    const [alice, bob, guest] = await firstUsers(playground)
    await guest.write('Alice Moreau', 'From the guest.')
    await alice.message('From the guest.').getByText('unread').waitFor()
    await bob.write('Alice Moreau', 'From Bob.')
    // Until one is chosen, the newest conversation is shown.
    await alice.message('From Bob.').getByText('unread').waitFor()
    assert.equal(await alice.message('From the guest.').count(), 0)
    assert.deepEqual(await alice.unread().allInnerTexts(), ['1 unread', '1 unread'])
    await alice.press('Mark as read')
    await alice.message('From Bob.').getByText('unread').waitFor({ state: 'detached' })
    assert.deepEqual(await alice.unread().allInnerTexts(), ['1 unread'])
    await alice.choosePeer('Visitor')
    await alice.message('From the guest.').getByText('unread').waitFor()
    await bob.write('Alice Moreau', 'From Bob again.')
    await until('what is unread', () => alice.unread().count(), 2)
    await alice.message('From the guest.').waitFor()
    await alice.logs(/session-unread\s+2/)
    await playground.page.reload()
    const [again] = await firstUsers(playground)
    await again.message('From Bob again.').getByText('unread').waitFor()
    assert.equal(await again.message('From Bob.').getByText('unread').count(), 0)
    await until('what is unread', () => again.unread().count(), 2)
  })

  it('resumes a session that was offline; missed messages and those sent meanwhile arrive once', async (playground) => {
    const [alice, bob] = await firstUsers(playground)
    const former = await alice.sessionId()
    await alice.press('Offline')
    await alice.reaches('reconnecting')
    await alice.at.locator('#error').getByText('unavailable').waitFor()
    const countdown = alice.at.locator('.state time')
    await countdown.filter({ hasText: /^\d+\.\d s$/ }).waitFor()
    await alice.press('Try now')
    await alice.reaches('reconnecting')
    await bob.reaches('active')
    await bob.write('Alice Moreau', 'Message while offline.')
    await bob.message('Message while offline.').getByText('to Alice').waitFor()
    await alice.write('Bob Okafor', 'Message from the outbox.')
    await alice.message('Message from the outbox.').getByText('on its way').waitFor()
    const pending = alice.at.locator('#pending')
    await pending.getByText('1 not stored yet').waitFor()
    assert.equal(await alice.message('Message while offline.').count(), 0)
    assert.equal(await bob.message('Message from the outbox.').count(), 0)

    await alice.press('Online')
    await online(playground, alice)
    await alice.reaches('active')
    await alice.message('Message while offline.').waitFor()
    await bob.message('Message from the outbox.').waitFor()
    await alice.message('Message from the outbox.').locator('time').waitFor()
    for (const user of [alice, bob]) assert.equal(await user.at.locator('.thread li').count(), 2)
    assert.equal(await countdown.count(), 0)
    await pending.waitFor({ state: 'detached' })
    assert.equal(await alice.sessionId(), former)
  })

  it('reconnects a cut connection in the same session, slows a connection down, and reconnects after an outage', async (playground) => {
    const [alice, bob] = await firstUsers(playground)
    const former = await alice.sessionId()
    const sockets: unknown[] = []
    playground.page.on('websocket', (socket) => sockets.push(socket))
    await alice.press('Cut')
    await alice.logs(/active → reconnecting/)
    await alice.reaches('active')
    assert.equal(sockets.length, 1, 'only the cut connection is opened again')
    const line = (await playground.page.locator('#user-1 chat-session').getAttribute('endpoint')) ?? ''
    await alice.press('Slow')
    await alice.at.locator('.slow[aria-pressed=true]').waitFor()
    assert.deepEqual(await (await fetch(line)).json(), { delay: 1000, down: 0, noWebSocket: false })
    await alice.press('Online')
    await alice.at.locator('.up[aria-pressed=true]').waitFor()
    assert.deepEqual(await (await fetch(line)).json(), { delay: 0, down: 0, noWebSocket: false })
    // The waits begin before the outage, because it is over after five seconds.
    await Promise.all([
      bob.at.locator('.outage[aria-pressed=true]').waitFor(),
      bob.reaches('reconnecting'),
      bob.press('Away 5 s'),
    ])
    await alice.write('Bob Okafor', 'Welcome back.')
    await online(playground, bob)
    await bob.message('Welcome back.').waitFor()
    assert.equal(await alice.sessionId(), former)
  })

  it('goes on by an event stream where WebSockets are refused, in the same session, and shows so', async (playground) => {
    const [alice, bob] = await firstUsers(playground)
    const former = await alice.sessionId()
    await alice.at.getByText('by WebSocket').waitFor()
    await alice.press('Stream')
    await alice.at.getByText('by an event stream').waitFor()
    await alice.reaches('active')
    assert.equal(await alice.sessionId(), former)
    await alice.write('Bob Okafor', 'By a post.')
    await bob.message('By a post.').waitFor()
    await bob.write('Alice Moreau', 'By a stream.')
    await alice.message('By a stream.').waitFor()
    assert.equal(await bob.at.getByText('by WebSocket').count(), 1, 'the link of another user is its own')
  })

  it('shows unsent messages when a session ends, and sends one again on request', async (playground) => {
    const [alice, bob] = await firstUsers(playground)
    await alice.press('Offline')
    await alice.reaches('reconnecting')
    await alice.write('Bob Okafor', 'Too late?')
    await alice.press('end()')
    await alice.message('Too late?').getByText('Not sent, ended').waitFor()
    await alice.press('Online')
    await alice.at.locator('.up[aria-pressed=true]').waitFor()
    await alice.press('start()')
    await alice.reaches('active')
    await alice.press('Try again')
    await bob.message('Too late?').waitFor()
    await alice.message('Too late?').locator('time').waitFor()
    assert.equal(await alice.message('Too late?').count(), 1)
  })

  it('adds users, up to six, and ends the session of a removed user', async (playground) => {
    const { page, panel, add } = playground
    await firstUsers(playground)
    const fourth = await add()
    await fourth.reaches('idle')
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'user-4')
    const opened = page.waitForEvent('websocket')
    await fourth.press('Start the session')
    await fourth.reaches('active')
    assert.equal(await fourth.user(), 'chiyo')
    await panel(0).write('Chiyo Tanaka', 'Welcome.')
    await fourth.message('Welcome.').waitFor()
    await add()
    await add()
    assert.ok(await page.getByRole('button', { name: 'Add a user' }).isDisabled())
    const closed = (await opened).waitForEvent('close')
    await page.getByRole('button', { name: 'Remove Chiyo Tanaka' }).click()
    await closed
    assert.equal(await page.locator('user-panel').count(), 5)
    assert.equal(await page.getByRole('link', { name: /^Chiyo/ }).count(), 0)
  })

  it('shows a notification for a message to a hidden page, stops it on request, and asks for permission only after a click', async (playground) => {
    const { page } = playground
    // This browser shows no notifications and hides no window. So the test replaces `Notification` by a class that records
    // them, and sets `visibilityState`. The playground, the element and the gateway are real.
    await page.addInitScript(`
      globalThis.shown = []
      globalThis.Notification = class extends EventTarget {
        static permission = 'default'
        static requestPermission = async () => (this.permission = 'granted')
        constructor(title, { body }) {
          super()
          shown.push(title + ': ' + body)
        }
      }
    `)
    await page.reload()
    const [alice, bob] = await firstUsers(playground)
    const setVisibility = (visibilityState: string): Promise<void> =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'visibilityState', { value, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, visibilityState)
    await alice.open('Notify')
    await alice.at.locator('#permission').getByText('has not been asked').waitFor()
    await alice.press('requestNotifications()')
    await alice.at.locator('#permission').getByText('lets this page show').waitFor()
    await alice.at.getByLabel('attribute is set').check()
    await alice.open('Code')
    await alice.at.getByText(/notifications\n/).waitFor()
    await alice.open('Notify')

    await bob.write('Alice Moreau', 'You are looking.')
    await alice.message('You are looking.').waitFor()
    await setVisibility('hidden')
    await bob.write('Alice Moreau', 'Look here!')
    const notified = alice.at.locator('#notified')
    await notified.getByText('session-notification shown').waitFor()
    await notified.getByText('Look here!').waitFor()
    await alice.at.getByLabel('Stop each').check()
    await bob.write('Alice Moreau', 'Psst!')
    await notified.getByText('session-notification stopped').waitFor()
    await notified.getByText('Psst!').waitFor()
    assert.deepEqual(await page.evaluate('shown'), ['Bob Okafor: Look here!'])
  })

  it('shows that the browser denies notifications', async (playground) => {
    const [alice] = await firstUsers(playground)
    await alice.press('requestNotifications()')
    await alice.at.locator('#permission').getByText('notifications-denied').waitFor()
    await alice.logs(/requestNotifications\(\) was refused\s+notifications-denied/)
  })
})
