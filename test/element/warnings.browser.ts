import { expect } from '@open-wc/testing'
import { startGateway, stopGateway } from '../support/gateway/gateway-commands.js'
import { make, nextEvent, nextTask, useGateway } from './support.js'

describe('The console says why <chat-session> does not start', () => {
  const gateway = useGateway()
  const { warn } = console
  let warnings: string[] = []
  beforeEach(() => {
    warnings = []
    console.warn = (...what: unknown[]) => warnings.push(what.join(' '))
  })
  afterEach(() => {
    console.warn = warn
  })

  for (const [answer, url] of [
    ['HTML', 'data:text/html,<!doctype html><title>Not found</title>'],
    ['JSON without a token', 'data:application/json,{"jwt":"a.b.c"}'],
  ] as const)
    it(`once if the token URL answers ${answer}, however often it is fetched`, async () => {
      const element = gateway.make({ userId: 'w', tokenUrl: url })
      document.body.append(element)
      for (let fetches = 0; fetches < 3; fetches++) await nextEvent(element, 'session-error')
      expect(element.state).to.equal('starting')
      expect(element.error?.message).to.include('The token URL answered 200 without')
      expect(warnings).to.have.lengthOf(1)
      expect(warnings[0]).to.match(/^<chat-session> unavailable: .*The token URL answered 200 without/)
    })

  it('once if nothing listens at the endpoint, however often it is tried', async () => {
    const url = await startGateway({ apps: { app: { environment: 'test' } } })
    await stopGateway(url)
    const element = make({ endpoint: url, userId: 'w', token: await gateway.token('w') })
    document.body.append(element)
    for (let retries = 0; retries < 3;) {
      const { detail } = await nextEvent(element, 'session-state')
      if (detail.retryAt !== null) retries += 1
    }
    expect(element.error).to.include({ code: 'unavailable' })
    expect(warnings).to.have.lengthOf(1)
    expect(warnings[0]).to.match(/^<chat-session> unavailable: The gateway cannot be reached/)
  })

  it('if the endpoint has no scheme', async () => {
    const element = make({ endpoint: 'localhost:8080', userId: 'w', token: await gateway.token('w') })
    document.body.append(element)
    await nextEvent(element, 'session-failed')
    await nextTask()
    expect(element.error).to.include({ code: 'bad-endpoint' })
    expect(warnings).to.have.lengthOf(1)
    expect(warnings[0]).to.match(/^<chat-session> bad-endpoint: /)
  })

  it('not for a visitor, whose user and token are both empty', async () => {
    document.body.innerHTML = '<chat-session app-id="app" user-id="" token=""></chat-session>'
    await nextTask()
    expect(document.querySelector('chat-session')?.error).to.equal(null)
    expect(warnings).to.deep.equal([])
  })

  it('if a template wrote an empty token, until the page sets one', async () => {
    document.body.innerHTML = '<chat-session app-id="app" token=""></chat-session>'
    const element = document.querySelector('chat-session')
    if (!element) throw new Error('There is no element.')
    element.endpoint = gateway.url
    await nextTask()
    expect(element.state).to.equal('idle')
    expect(element.error).to.include({ code: 'no-credentials' })
    expect(warnings).to.have.lengthOf(1)
    expect(warnings[0]).to.match(/^<chat-session> no-credentials: /)
    element.token = await gateway.token('w')
    await element.whenStarted()
    expect(element.error).to.equal(null)
    expect(warnings).to.have.lengthOf(1)
  })

  it('and says nothing of an empty token beside another way to start', async () => {
    document.body.innerHTML =
      '<chat-session app-id="other" guest token="" endpoint="localhost:1"></chat-session>'
    const element = document.querySelector('chat-session')
    if (!element) throw new Error('There is no element.')
    await nextEvent(element, 'session-failed')
    await nextTask()
    expect(warnings).to.have.lengthOf(1)
    expect(warnings[0]).to.match(/bad-endpoint/)
  })

  it('and why it ends when a token expires that nothing renews', async () => {
    const element = await gateway.active('w', { token: await gateway.token('w', 2) })
    const { error } = (await nextEvent(element, 'session-ended')).detail
    expect(error).to.include({ code: 'token-expired' })
    await nextTask()
    expect(warnings).to.have.lengthOf(1)
    expect(warnings[0]).to.match(/^<chat-session> token-expired: /)
  })
})
