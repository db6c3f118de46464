import type { AppConfig } from '../../../src/gateway/config/types.js'
import { startServer } from '../network/http-server.js'

/** The two ways in which an app decides about messages: settings for an app that asks `ask` about each. */
export const authorizeWays = {
  authorizeSend: (ask: () => Promise<boolean>): Partial<AppConfig> => ({ authorizeSend: ask }),
  authorizeSendUrl: async (ask: () => Promise<boolean>): Promise<Partial<AppConfig>> => {
    const { url } = await startServer((request, response) => {
      // The backend reads no body, so that it takes no memory of this process.
      request.pause()
      void ask().then((ok) => response.end(JSON.stringify({ ok })))
    })
    const secrets = [`whsec_${Buffer.from('a secret').toString('base64')}`]
    return { authorizeSendUrl: { url, secrets, timeout: 10 } }
  },
}
