// What a page and its first `<chat-session>` show.
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { until } from '../until.js'

/** Records a page's errors: errors and warnings in its console, and exceptions. */
export const complaintsOf = (page: Page): string[] => {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return complaints
}

/** The types of the frames that a page's sessions send. */
export const framesSentBy = (page: Page): string[] => {
  const types: string[] = []
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) =>
      types.push((JSON.parse(payload.toString()) as { type: string }).type),
    ),
  )
  return types
}

/** Returns the state, session, user and error of the page's first `<chat-session>`. */
export const chatOf = (
  page: Page,
): Promise<{ state: string; id: string | null; user: string | undefined; error: string | undefined }> =>
  page.evaluate(() => {
    const element = document.querySelector<ChatSessionElement>('chat-session')
    return {
      state: element?.state ?? 'no element',
      id: element?.sessionId ?? null,
      user: element?.session?.user?.id,
      error: element?.error?.code,
    }
  })

export const stateOf = async (page: Page): Promise<string> => (await chatOf(page)).state

/** Waits for a state of the page's first `<chat-session>`. */
export const untilState = (page: Page, state: string): Promise<void> =>
  until(`the state of the session in ${page.url()}`, () => stateOf(page), state)

/** Resolves when the element is registered, one task later: by then it has started, or stays idle. */
export const untilBooted = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    await customElements.whenDefined('chat-session')
    await new Promise((resolve) => setTimeout(resolve))
  })
