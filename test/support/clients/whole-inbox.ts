import type { ChatSession, Message } from '../../../src/session/index.js'

/** Returns the whole inbox of the session's user. */
export const wholeInbox = async (session: ChatSession): Promise<Message[]> => {
  const all: Message[] = []
  for (;;) {
    const page = await session.history({ after: all.at(-1)?.offset ?? 0, limit: 100 })
    if (page.length === 0) return all
    all.push(...page)
  }
}
