import assert from 'node:assert/strict'
import type { UserRef } from '../../engine.js'
import { ada, app, bob, deliver, rules, until, type SuiteContext } from '../kit.js'
import { ask, pendingOf, untilPending } from '../webhook-kit.js'

/** A part of the suite: `message.unread`, the webhook event for messages that stay unread. */
export const webhookUnreadSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('message.unread', () => {
    on('comes once for a streak of unread messages, with the newest', async (engine) => {
      await ask(engine, ['message.unread'], 300)
      const sent = []
      for (let n = 0; n < 7; n++) sent.push(await deliver(engine, { body: `${n}` }))
      await deliver(engine, { from: bob.userId, to: ada.userId })
      const { event } = await untilPending(engine, bob, 'message.unread')
      const { userId, epoch, unread, oldestAt, messages, online, sessions } = event.data
      assert.deepEqual(
        [userId, unread, oldestAt, online, sessions],
        [bob.userId, 7, sent[0]?.sentAt, false, 0],
      )
      assert.equal(epoch, (await engine.inbox(bob)).epoch)
      assert.deepEqual(
        (messages as { body: string }[]).map(({ body }) => body),
        ['2', '3', '4', '5', '6'],
      )
      await deliver(engine)
      // Cy's event is due later than a second event of Bob would be. So once Cy's event has come, Bob's does not follow.
      await deliver(engine, { to: 'cy' })
      await untilPending(engine, { appId: app, userId: 'cy' }, 'message.unread')
      assert.equal((await pendingOf(engine, bob)).length, 1)
    })

    on('does not come for messages that were read, and comes again for a new streak', async (engine) => {
      await ask(engine, ['message.unread'], 50)
      await deliver(engine)
      const { epoch } = await engine.inbox(bob)
      await engine.markRead(bob, { epoch, offset: 1 })
      await deliver(engine, { to: 'cy' })
      await untilPending(engine, { appId: app, userId: 'cy' }, 'message.unread')
      assert.deepEqual(await pendingOf(engine, bob), [])
      await deliver(engine, { body: 'again' })
      const { event } = await untilPending(engine, bob, 'message.unread')
      assert.equal(event.data['unread'], 1)
    })

    on('waits for the oldest message that is still unread', async (engine) => {
      await ask(engine, ['message.unread'], 400)
      const began = performance.now()
      await deliver(engine)
      await until('half of the time is over', () => Promise.resolve(performance.now() - began > 200))
      const second = await deliver(engine, { body: 'second' })
      const { epoch } = await engine.inbox(bob)
      await engine.markRead(bob, { epoch, offset: 1 })
      const { event } = await untilPending(engine, bob, 'message.unread')
      assert.ok(performance.now() - began >= 590)
      assert.deepEqual([event.data['unread'], event.data['oldestAt']], [1, second.sentAt])
    })

    on('comes for messages that were unread when the app began to ask for it', async (engine) => {
      const retention = rules().retention
      const [cy, dan] = ['cy', 'dan'].map((userId) => ({ appId: app, userId })) as [UserRef, UserRef]
      await engine.configure(app, { retention, webhooks: null })
      const first = await deliver(engine)
      await ask(engine, ['message.created'])
      await deliver(engine, { body: 'second' })
      await deliver(engine, { to: cy.userId })
      const { epoch } = await engine.inbox(cy)
      await engine.markRead(cy, { epoch, offset: 1 })
      await ask(engine, ['message.unread'], 200)
      const { event } = await untilPending(engine, bob, 'message.unread')
      assert.deepEqual([event.data['unread'], event.data['oldestAt']], [2, first.sentAt])
      // The same streak is reported once, whatever is configured and comes later.
      await ask(engine, ['message.unread', 'user.updated'], 200)
      await deliver(engine, { body: 'third' })
      await deliver(engine, { to: dan.userId })
      await untilPending(engine, dan, 'message.unread')
      const reports = async (of: UserRef): Promise<number> =>
        (await pendingOf(engine, of)).filter((each) => each.event.type === 'message.unread').length
      assert.deepEqual([await reports(bob), await reports(cy)], [1, 0])
      if (!durable) return
      await reopen(engine)
      await ask(engine, ['message.unread'], 200)
      await deliver(engine, { to: cy.userId })
      await untilPending(engine, cy, 'message.unread')
      assert.deepEqual([await reports(bob), await reports(dan)], [1, 1])
    })

    on('does not come for a user who was deleted', async (engine) => {
      await ask(engine, ['message.unread'], 50)
      await deliver(engine)
      await engine.deleteUser(bob)
      await deliver(engine, { to: 'cy' })
      await untilPending(engine, { appId: app, userId: 'cy' }, 'message.unread')
      assert.deepEqual(await pendingOf(engine, bob), [])
    })

    if (durable) {
      on('comes after a restart too', async (engine) => {
        await ask(engine, ['message.unread'], 300)
        await deliver(engine)
        await reopen(engine)
        await ask(engine, ['message.unread'], 300)
        await untilPending(engine, bob, 'message.unread')
      })
    }
  })
}
