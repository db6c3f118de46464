import { expect } from '@open-wc/testing'
import { ChatSessionElement } from '../../src/element/define.js'
import { until } from '../support/until.js'
import { nextEvent, listenTo, nextTask, roundTrip, useGateway } from './support.js'

describe('<chat-session> keeps its session', () => {
  const gateway = useGateway()

  const keeps = async (element: ChatSessionElement, move: () => void | Promise<void>): Promise<void> => {
    const { sessionId } = element
    const { total } = await gateway.connections()
    const events = listenTo(element)
    await move()
    for (let tasks = 0; tasks < 4; tasks += 1) await nextTask()
    await roundTrip(element)
    expect(events).to.deep.equal(['user'])
    expect(element.sessionId).to.equal(sessionId)
    expect(await gateway.connections()).to.deep.equal({ open: 1, total })
  }

  it('when it leaves and returns within the task', async () => {
    const element = await gateway.active('l')
    await keeps(element, () => {
      element.remove()
      document.body.append(element)
      element.remove()
      document.body.append(element)
    })
  })

  it('when it leaves and returns in the next task, several times', async () => {
    const element = await gateway.active('l')
    await keeps(element, async () => {
      for (let times = 0; times < 5; times += 1) {
        element.remove()
        await nextTask()
        document.body.append(element)
      }
    })
  })

  it('when it is appended elsewhere', async () => {
    const element = await gateway.active('l')
    const place = document.body.appendChild(document.createElement('main'))
    await keeps(element, () => place.append(element))
    place.remove()
  })

  it('when it moves into a shadow tree, by moveBefore if the browser has it; the tree has the style then', async () => {
    const element = await gateway.active('l')
    const host = document.body.appendChild(document.createElement('div'))
    const place = host.attachShadow({ mode: 'open' })
    const move = 'moveBefore' in place ? 'moveBefore' : 'insertBefore'
    await keeps(element, () => void place[move](element, null))
    expect(getComputedStyle(element).display).to.equal('contents')
    host.remove()
  })

  it('without leaving, when moveBefore moves it', () => {
    let left = 0
    class Watched extends ChatSessionElement {
      override disconnectedCallback(): void {
        left += 1
        super.disconnectedCallback()
      }
    }
    customElements.define('watched-session', Watched)
    const element = document.body.appendChild(new Watched())
    const place = document.body.appendChild(document.createElement('main'))
    if ('moveBefore' in place) place.moveBefore(element, null)
    expect([element.parentNode === place, left]).to.deep.equal(['moveBefore' in place, 0])
    element.remove()
    place.remove()
  })

  it('when the same tag replaces it, as Turbo, htmx and innerHTML do', async () => {
    const place = document.body.appendChild(document.createElement('main'))
    const html = `<p></p><chat-session app-id="app" user-id="t" token="${await gateway.token('t')}" endpoint="${gateway.url}"></chat-session>`
    place.innerHTML = html
    const first = place.querySelector('chat-session')
    await first?.whenStarted()
    const { sessionId } = first ?? {}
    const before = await gateway.connections()
    const events = first ? listenTo(first) : []
    place.innerHTML = html
    const second = place.querySelector('chat-session')
    await second?.whenStarted()
    await until('the first one releases the session', () => first?.session === null)
    expect(second === first).to.equal(false)
    expect(second?.sessionId).to.equal(sessionId)
    expect(events).to.deep.equal(['state:idle'])
    expect(await gateway.connections()).to.deep.equal(before)
    place.remove()
  })

  it('and ends it if it does not return', async () => {
    const element = await gateway.active('l')
    const events = listenTo(element)
    element.remove()
    await nextEvent(element, 'session-ended')
    await nextTask()
    expect(events).to.deep.equal(['state:ended', 'ended'])
    expect(element.session === null).to.equal(true)
    await until('the gateway closes the connection', async () => (await gateway.connections()).open === 0)
    document.body.append(element)
    expect((await element.whenStarted()).user?.id).to.equal('l')
  })
})
