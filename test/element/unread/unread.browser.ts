import { expect } from '@open-wc/testing'
import '../../../src/element/define-unread.js'
import type { ChatSessionElement } from '../../../src/element/define.js'
import { until } from '../../support/until.js'
import { followListeners, useGateway } from '../support.js'

describe('<chat-unread>', () => {
  const gateway = useGateway()

  const add = (html: string, parent: Element | ShadowRoot = document.body): HTMLElement => {
    const template = document.createElement('template')
    template.innerHTML = html
    const element = template.content.firstElementChild as HTMLElement
    parent.append(element)
    return element
  }
  const untilText = (element: Element, text: string): Promise<void> =>
    until('the text', () => element.textContent, text)
  const isNone = (element: Element): boolean => element.matches(':state(none)')

  /** Sends so many messages to `to`. */
  const send = async (from: ChatSessionElement, to: string, count = 1): Promise<void> => {
    for (let sent = 0; sent < count; sent += 1) await from.send({ to, body: 'Hi' })
  }

  it('shows how many messages are unread, and nothing when all are read', async () => {
    const ann = await gateway.active('ann')
    const [bob] = [await gateway.active('bob', { appId: 'app' })]
    ann.before(bob)
    const element = add('<chat-unread></chat-unread>')
    await until('it is empty', () => isNone(element))
    expect(element.textContent).to.equal('')
    await send(ann, 'bob', 2)
    await untilText(element, '2')
    expect(isNone(element)).to.equal(false)
    await bob.markRead(2)
    await untilText(element, '')
    expect(isNone(element)).to.equal(true)
  })

  it('shows `max` and a plus above it, and a label for screen readers with the whole number', async () => {
    const bob = await gateway.active('bob-many')
    const ann = await gateway.active('ann')
    const element = add('<chat-unread max="2" label="{n} unread messages"></chat-unread>')
    await send(ann, 'bob-many', 2)
    await untilText(element, '2')
    await send(ann, 'bob-many')
    await untilText(element, '2+')
    expect([element.getAttribute('aria-label'), element.getAttribute('role')]).to.deep.equal([
      '3 unread messages',
      'img',
    ])
    element.setAttribute('max', '99')
    await untilText(element, '3')
    element.setAttribute('label', '{n} neue Nachrichten')
    await until('the label', () => element.getAttribute('aria-label'), '3 neue Nachrichten')
    await bob.markRead(3)
    await untilText(element, '')
    expect(element.hasAttribute('aria-label')).to.equal(false)
  })

  it('counts the messages of its app, or of the first <chat-session> in the document', async () => {
    const one = await gateway.active('one')
    const two = gateway.mount({ appId: 'other', userId: 'two', guest: true })
    await two.whenStarted()
    const first = add('<chat-unread></chat-unread>')
    const other = add('<chat-unread app-id="other"></chat-unread>')
    const none = add('<chat-unread app-id="unknown"></chat-unread>')
    const from = gateway.mount({ appId: 'other', guest: true })
    await from.whenStarted()
    await send(from, two.session?.user?.id ?? '')
    await untilText(other, '1')
    expect([first.textContent, none.textContent]).to.deep.equal(['', ''])
    await send(one, 'one')
    expect(first.textContent).to.equal('')
    other.setAttribute('app-id', 'app')
    await untilText(other, '')
  })

  it('keeps what the server wrote until the number is known, and is empty when the session has ended', async () => {
    const written = add('<chat-unread>7</chat-unread>')
    const bob = gateway.make({ userId: 'bob-w', token: await gateway.token('bob-w') })
    document.body.append(bob)
    await bob.updateComplete
    expect(written.textContent).to.equal('7')
    await bob.whenStarted()
    await untilText(written, '')
    await send(await gateway.active('ann'), 'bob-w')
    await untilText(written, '1')
    await bob.end()
    await untilText(written, '')
    await bob.start()
    await untilText(written, '1')
    // Without a <chat-session> in the document there is no number.
    for (const element of document.querySelectorAll('chat-session')) element.remove()
    await untilText(written, '')
  })

  it('finds a <chat-session> that comes later, in its own shadow tree first', async () => {
    const host = document.createElement('div')
    const root = host.attachShadow({ mode: 'open' })
    document.body.append(host)
    const inside = add('<chat-unread></chat-unread>', root)
    const ann = await gateway.active('ann-s')
    await send(ann, 'ann-s')
    const bob = gateway.make({ userId: 'bob-s', token: await gateway.token('bob-s') })
    root.append(bob)
    await bob.whenStarted()
    await send(ann, 'bob-s')
    await untilText(inside, '1')
  })

  it('leaves no listener in the document when it is removed', async () => {
    await gateway.active('bob-l')
    const listeners = followListeners(document)
    try {
      const element = add('<chat-unread></chat-unread>')
      await until('it listens', () => listeners.added() > 0)
      element.remove()
      await until('it listens no more', () => listeners.left().length, 0)
    } finally {
      listeners.stop()
    }
  })
})
