import { attachGateway, type AttachedGateway } from '../gateway.js'

/** The app of the gateways here. */
export const APP = 'shop'
export const SECRET = 'a secret that only the tests and their gateway share'

/** Starts a gateway for the shop's app. With the port of a closed gateway it replaces that gateway. */
export const startShopGateway = (port = 0, pingInterval = 25): Promise<AttachedGateway> =>
  attachGateway(
    {},
    {
      pingInterval,
      apps: {
        [APP]: {
          environment: 'test',
          secrets: [SECRET],
          requireExpiry: true,
          push: { subject: 'mailto:shop@example.com', url: 'http://localhost/messages' },
        },
      },
    },
    { port },
  )
