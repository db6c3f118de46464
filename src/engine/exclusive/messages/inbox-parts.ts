import type { Pushes } from '../push/pushes.js'
import type { Adoptions } from '../sessions/adoptions.js'
import type { Revocations } from '../sessions/revocations.js'
import type { Users } from '../sessions/users.js'
import type { Core } from '../store/core.js'
import type { WebhookEvents } from '../webhooks/webhook-events.js'
import type { InboxTable } from './inbox-table.js'
import type { Deletions } from './retention/deletions.js'
import type { SenderShares } from './sends/sender-shares.js'

/** What the inboxes of a database use of its users. */
export interface UserParts extends Core {
  users: Users
  revocations: Revocations
  adoptions: Adoptions
  pushes: Pushes
  webhooks: WebhookEvents
}

/** What stores messages in inboxes and deletes them. */
export interface InboxParts extends UserParts {
  table: InboxTable
  shares: SenderShares
  deletions: Deletions
}
