import { engineRules } from '../../rules.js'
import type { WebhookEvent } from '../../webhook-events.js'

/** Returns about how many bytes an event takes. */
export const sizeOf = ({ type, userId, data }: Pick<WebhookEvent, 'type' | 'userId' | 'data'>): number =>
  engineRules.eventOverhead + Buffer.byteLength(JSON.stringify([type, userId, data]))
