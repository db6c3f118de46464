import { errorMessages } from '../../protocol/index.js'
import type { Settings } from '../config/parse.js'
import { GatewayError } from '../errors.js'
import type { BackendMessage, Published, SendMessage } from './send.js'

export interface Publication extends BackendMessage {
  appId: string
}

export const createPublish =
  (settings: Pick<Settings, 'apps'>, send: SendMessage) =>
  async ({ appId, ...message }: Publication): Promise<Published> => {
    const app = settings.apps.get(appId)
    if (!app) throw new GatewayError('unknown-app', errorMessages['unknown-app'])
    const { id, offset, sentAt } = await send(app, message)
    return { id, offset, sentAt }
  }
