import { randomUUID } from 'node:crypto'
import type { Engine } from '../../engine/index.js'
import { errorMessages, isUserId, type JsonObject } from '../../protocol/index.js'
import type { Settings } from '../config/parse.js'
import type { Metrics } from '../metrics/metrics.js'
import { countSend } from './count-send.js'
import { checkMessage, sendRulesOf } from './rules.js'
import { GatewayError } from '../errors.js'

/** A message of the app's backend. */
export interface Publication {
  appId: string
  /** The recipient's user id. A user who has never started a session is created. */
  to: string
  /** The user id of the sender, whose inbox gets a copy. @default none: the app's backend */
  from?: string | undefined
  /** 1 to 64 characters. The same id within `sendWindow` stores no second message. @default a random one */
  id?: string | undefined
  /** At least one of `body` and `data`, 16 kB together. */
  body?: string | undefined
  data?: JsonObject | undefined
}

export interface Published {
  id: string
  /** The position in the recipient's inbox. */
  offset: number
  /** Unix time in milliseconds. */
  sentAt: number
}

export const createPublish =
  (settings: Pick<Settings, 'apps' | 'sendWindow'>, engine: Engine, metrics: Metrics) =>
  async ({ appId, to, from, id = randomUUID(), body, data }: Publication): Promise<Published> => {
    const app = settings.apps.get(appId)
    if (!app) throw new GatewayError('unknown-app', errorMessages['unknown-app'])
    const problem = checkMessage({ id, to, body, data })
    if (problem) throw new GatewayError(problem.code, problem.why)
    if (from !== undefined && !isUserId(from))
      throw new GatewayError('bad-request', "A message's 'from' is not a valid user id.")
    const at = performance.now()
    const sent = await engine.send(
      { appId, id, from: from ?? null, to, body, data },
      // The backend decides itself how many messages it sends, also in a user's name.
      { ...sendRulesOf(app, settings, true), unreadPerSender: 1 },
    )
    countSend(metrics, { appId, from: 'backend', outcome: sent.outcome, at })
    if (sent.outcome === 'conflict') throw new GatewayError('conflict', errorMessages.conflict)
    if (!('sentAt' in sent))
      throw new GatewayError(
        'unavailable',
        "The app's quota is used up: raise limits.inboxes or limits.bytes in its config.",
      )
    return { id, offset: sent.offset, sentAt: sent.sentAt }
  }
