// Two gateways on one Redis, and on a cluster: a session's own profile, and the names of peers.
import { startGateway } from '../../support/gateway.js'
import { authenticateByName, profileTests } from '../../support/clients/profile-tests.js'
import { startCluster } from '../../support/redis/cluster.js'
import { standalone } from '../../support/redis/server.js'

const app = { limits: { messagesPerSecond: 1_000 }, authenticate: authenticateByName }
const { url } = await standalone()
const cluster = (await startCluster()).servers.map(({ url }) => url)

for (const [on, engine] of [
  ['(redis)', { type: 'redis', url }],
  ['(cluster)', { type: 'redis', cluster }],
] as const) {
  const [one, two] = [await startGateway(app, { engine }), await startGateway(app, { engine })]
  profileTests(on, [one.url, two.url])
}
