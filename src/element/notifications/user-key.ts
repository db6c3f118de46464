import type { ChatSession } from '../../session/index.js'

/** App and user: the tag of their notifications, and the name under which tabs announce their visibility. Empty without a session. */
export const userKeyOf = ({ appId, user }: ChatSession): string =>
  user ? `chat-session:${appId}:${encodeURIComponent(user.id)}` : ''
