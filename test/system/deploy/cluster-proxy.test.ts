// Caddy with deploy/cluster.Caddyfile in front of two gateway processes on one Redis, of which one is stopped and started.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { run, type Running } from '../../support/processes/command-line.js'
import { freePort } from '../../support/network/free-port.js'
import { startClient } from '../../support/raw-client.js'
import { standalone } from '../../support/redis/server.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { appId, secret, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { readCompose } from './cluster-support.js'
import { startClusterCaddy } from './support.js'

const origin = 'https://www.example.com'

test('sessions start through Caddy while a gateway of the compose file drains, is stopped and comes back', async () => {
  const { services } = await readCompose()
  const redis = await standalone()
  const folder = scratchFolder()
  const config = join(folder, 'chat.json')
  await writeFile(
    config,
    JSON.stringify({
      listen: { host: '127.0.0.1', trustProxy: 1 },
      engine: { type: 'redis' },
      drainTime: 2,
      apps: { [appId]: { environment: 'production', origins: [origin], secrets: [secret] } },
    }),
  )
  const ports = [await freePort(), await freePort()]
  const serve = async (port = 0): Promise<Running> => {
    const env = { ...services['gateway-1']?.environment, PORT: String(port), REDIS_URL: redis.url }
    const gateway = run(['serve', '--config', config], env)
    await gateway.url()
    return gateway
  }
  const gateways = await Promise.all(ports.map(serve))
  const { url, ca } = await startClusterCaddy(ports)
  const start = async (user: string): ReturnType<typeof startClient> =>
    startClient(url, { type: 'start', appId, token: await tokenFor(user) }, { ca, origin })

  const [ada, grace] = [await start('ada'), await start('grace')]
  ada.send({ type: 'send', id: 'a', to: 'grace', body: 'from the other gateway' })
  assert.equal((await grace.next('message'))['body'], 'from the other gateway')

  for (const [n, gateway] of gateways.entries()) {
    gateway.child.kill('SIGTERM')
    for (let starts = 0; starts < 4; starts += 1) (await start(`user-${n}-${starts}`)).close()
    assert.equal((await gateway.outcome).code, 0)
    for (let starts = 0; starts < 4; starts += 1) (await start(`late-${n}-${starts}`)).close()
    gateways[n] = await serve(ports[n])
    await until(
      'the gateway is ready',
      async () => (await fetch(`http://127.0.0.1:${ports[n] ?? 0}/readyz`)).ok,
    )
  }
})
