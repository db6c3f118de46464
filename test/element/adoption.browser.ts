import { expect } from '@open-wc/testing'
import type { ChatSessionElement } from '../../src/element/define.js'
import { until } from '../support/until.js'
import { nextEvent, useGateway } from './support.js'

/** The tokens of guests in this browser's storage. */
const storedGuests = (): string[] =>
  Object.keys(localStorage).filter((key) => key.startsWith('["chat-session",'))

const bodiesOf = async (element: ChatSessionElement): Promise<unknown[]> =>
  (await element.history()).map(({ body, from, adopted }) => [body, from, adopted])

describe('<chat-session adopt-guest>', () => {
  const gateway = useGateway()
  afterEach(() => localStorage.clear())

  /** A guest who has asked a question. */
  const ask = async (adoptGuest = true): Promise<ChatSessionElement> => {
    const guest = gateway.mount({ guest: true, adoptGuest })
    const { user } = await guest.whenStarted()
    await guest.send({ to: user?.id ?? '', body: 'a question' })
    return guest
  }

  it('gives the user who logs in what the guest has sent, and forgets the guest', async () => {
    const guest = await ask()
    expect(storedGuests()).to.have.length(1)
    // As in a template that the log-in changes.
    Object.assign(guest, { userId: 'ada', token: await gateway.token('ada') })
    await nextEvent(guest, 'session-started')
    expect(guest.session?.user?.id).to.equal('ada')
    await until('the question is there', async () => (await bodiesOf(guest)).length, 1)
    expect(await bodiesOf(guest)).to.deep.equal([['a question', 'ada', true]])
    expect(storedGuests()).to.have.length(0)
  })

  it('does nothing where the attribute is missing on one of the tags', async () => {
    const guest = await ask(false)
    expect(storedGuests()).to.have.length(0)
    guest.remove()
    await until('the guest has left', async () => (await gateway.connections()).open, 0)
    await ask()
    const user = await gateway.active('cleo')
    expect(await bodiesOf(user)).to.deep.equal([])
    expect(storedGuests()).to.have.length(1)
  })
})
