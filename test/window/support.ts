// Shared by the tests of the window: windows in the page, what they show, and what a user does in them.
import '../../src/window/define.js'
import type { ChatSessionElement } from '../../src/element/define.js'
import type { ChatWindowElement } from '../../src/window/chat-window.js'
import { until } from '../support/until.js'
import type { TestGateway } from '../element/support.js'

export interface TestWindow {
  element: ChatWindowElement
  chat: ChatSessionElement
  /** Returns what the window shows with this selector in its shadow tree. */
  all(selector: string): HTMLElement[]
  find(selector: string): HTMLElement
  texts(selector: string): string[]
  /** The texts of the messages in the thread, without their times. */
  bodies(): string[]
  is(state: string): boolean
  /** Puts a text into a field, in place of what it had. */
  type(text: string, field?: 'input' | 'search'): void
  /** Writes a text and presses Enter. */
  write(body: string): void
  /** Opens a conversation of the list. */
  choose(name: string): Promise<void>
}

/** Resolves after the next frame has been drawn. */
export const nextFrame = (): Promise<void> =>
  new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))

const key = (name: string, more: KeyboardEventInit & { keyCode?: number } = {}): KeyboardEvent =>
  new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, composed: true, ...more })

export const press = (
  target: Element,
  name: string,
  more?: KeyboardEventInit & { keyCode?: number },
): boolean => target.dispatchEvent(key(name, more))

/** Returns a window that is in the page already. */
export const windowOf = (element: ChatWindowElement, chat: ChatSessionElement): TestWindow => {
  const root = (): ShadowRoot => {
    if (!element.shadowRoot) throw new Error('The window is not drawn.')
    return element.shadowRoot
  }
  const all = (selector: string): HTMLElement[] => [...root().querySelectorAll<HTMLElement>(selector)]
  const find = (selector: string): HTMLElement => {
    const [found] = all(selector)
    if (!found) throw new Error(`The window has no ${selector}.`)
    return found
  }
  const texts = (selector: string): string[] =>
    all(selector).map(({ textContent }) => textContent.replace(/\s+/g, ' ').trim())
  const type = (text: string, field = 'input'): HTMLElement => {
    const found = find(`[part=${field}]`) as HTMLInputElement | HTMLTextAreaElement
    found.value = text
    found.dispatchEvent(new InputEvent('input', { bubbles: true }))
    return found
  }
  return {
    element,
    chat,
    all,
    find,
    texts,
    bodies: () => texts('[part~=message] .text'),
    is: (state) => element.matches(`:state(${state})`),
    type,
    write: (body) => void press(type(body), 'Enter'),
    async choose(name) {
      const row = (): HTMLElement | undefined =>
        all('[part=conversation]').find(({ textContent }) => textContent.includes(name))
      await until(`the row of ${name}`, () => row() !== undefined)
      row()?.click()
      await until('the thread', () => all('[part=thread]').length, 1)
    },
  }
}

/** Puts a window for the user's session into the page. */
export const mountWindow = async (
  gateway: TestGateway,
  userId: string,
  properties: Partial<
    Pick<
      ChatWindowElement,
      'peer' | 'launcher' | 'open' | 'texts' | 'renderMessage' | 'renderPeer' | 'upload' | 'sendKey'
    >
  > = {},
): Promise<TestWindow> => {
  const chat = await gateway.active(userId)
  chat.id = userId
  const element = document.createElement('chat-window')
  Object.assign(element, properties, { for: userId })
  document.body.append(element)
  const window = windowOf(element, chat)
  await until('the window is ready', () => window.is('ready'))
  return window
}
