// The REST API of gateways on a Redis and on a cluster: pages of messages that are read while messages come.
import { startGateway } from '../../support/gateway.js'
import { startCluster } from '../../support/redis/cluster.js'
import { standalone } from '../../support/redis/server.js'
import { pageTests } from '../../support/rest/page-tests.js'

const { url } = await standalone()
const cluster = (await startCluster()).servers.map(({ url }) => url)

for (const [on, engine] of [
  ['(redis)', { type: 'redis', url }],
  ['(cluster)', { type: 'redis', cluster }],
] as const)
  pageTests(on, (await startGateway({}, { engine })).url)
