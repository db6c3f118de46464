import { expect } from '@open-wc/testing'
import { ChatSessionElement } from '../../src/element/define.js'
import { elementAttributes, elementEvents } from '../../src/element/internal.js'
import { make, nextTask } from './support.js'

describe('The console names the attribute that was meant', () => {
  /** Returns the console's warnings while these tags are added to the page. */
  const warningsOf = async (html: string): Promise<unknown[]> => {
    const warnings: unknown[] = []
    const { warn } = console
    console.warn = (...args) => warnings.push(...args)
    try {
      document.body.innerHTML = html
      await nextTask()
    } finally {
      console.warn = warn
      document.body.replaceChildren()
    }
    return warnings
  }

  it('for a missing hyphen, an underscore or a capital letter, once per page for each', async () => {
    const html = `<chat-session appId="app" user_id="1" TOKENURL="/token" user-photourl="" guest></chat-session>
      <chat-session appid="app" appid_="app"></chat-session>`
    expect(await warningsOf(html)).to.deep.equal([
      '<chat-session> has no attribute appid: write app-id',
      '<chat-session> has no attribute user_id: write user-id',
      '<chat-session> has no attribute tokenurl: write token-url',
      '<chat-session> has no attribute user-photourl: write user-photo-url',
      '<chat-session> has no attribute appid_: write app-id',
    ])
    expect(await warningsOf(html)).to.deep.equal([])
  })

  it('and no warning for attributes that are spelled right, or that the element does not have', async () => {
    const tag = document.createElement('chat-session')
    for (const name of [
      ...ChatSessionElement.observedAttributes,
      'id',
      'class',
      'data-app-id',
      'slot',
      'user',
    ])
      tag.setAttribute(name, '')
    expect(await warningsOf(tag.outerHTML)).to.deep.equal([])
  })
})

describe('The tables of the element', () => {
  it('have every attribute that the element observes, with a property that it has', () => {
    const names = elementAttributes.map(({ attribute }) => attribute)
    expect(names.sort()).to.deep.equal([...ChatSessionElement.observedAttributes].sort())
    const element = make({})
    for (const { attribute, property } of elementAttributes)
      expect(property in element, attribute).to.equal(true)
  })

  it('have every event once', () => {
    expect(new Set(elementEvents).size).to.equal(elementEvents.length)
    expect(elementEvents).to.include.members(['session-started', 'session-token-needed'])
  })
})
