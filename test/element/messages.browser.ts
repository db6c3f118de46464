import { expect } from '@open-wc/testing'
import { SessionMessageEvent, SessionUnreadEvent } from '../../src/element/define.js'
import { SessionError } from '../../src/session/index.js'
import { nextEvent, make, useGateway } from './support.js'

describe('Messages and <chat-session>', () => {
  const gateway = useGateway()

  it('go from one element to the other, which counts them, marks them as read and finds them in the history', async () => {
    const ann = await gateway.active('ann')
    const bob = await gateway.active('bob')
    const received = nextEvent(document, 'session-message')
    const counted = nextEvent(bob, 'session-unread')
    const sent = await ann.send({ to: 'bob', body: 'Hi', data: { a: 1 } })
    expect(await received).to.be.instanceOf(SessionMessageEvent)
    expect(await counted).to.be.instanceOf(SessionUnreadEvent)
    expect((await counted).detail).to.deep.equal({ unread: 1 })
    expect(bob.unread).to.equal(1)
    expect(bob.matches(':state(unread)')).to.equal(true)
    expect(bob.matches(':state(active)')).to.equal(true)
    const [message] = await bob.history()
    expect(message).to.deep.include({ id: sent.id, from: 'ann', to: 'bob', body: 'Hi', data: { a: 1 } })
    await bob.markRead(message?.offset ?? 0)
    expect(bob.unread).to.equal(0)
    expect(bob.matches(':state(unread)')).to.equal(false)
    expect(ann.unread).to.equal(0)
  })

  it('need a session', async () => {
    const element = make({})
    expect(element.unread).to.equal(0)
    for (const asked of [element.send({ to: 'bob', body: 'Hi' }), element.history(), element.markRead(1)]) {
      const error: unknown = await asked.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).to.be.instanceOf(SessionError)
      expect(error).to.include({ code: 'ended' })
    }
  })
})
