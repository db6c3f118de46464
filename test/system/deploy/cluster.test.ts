// docker-compose.yml and kubernetes.yaml: checked against their schemas, and against the gateway that they run. There is no Docker and no
// Kubernetes here to run them.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { finish } from '../../support/processes/command-line.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import {
  checkCompose,
  kubernetesProblems,
  readCompose,
  readManifest,
  type Resource,
} from './cluster-support.js'
import { readDeployed, replaceAll } from './support.js'

interface Probe {
  httpGet: { path: string; port: string }
}

interface Deployment extends Resource {
  spec: {
    replicas: number
    selector: { matchLabels: Record<string, string> }
    template: {
      metadata: { labels: Record<string, string> }
      spec: {
        terminationGracePeriodSeconds: number
        containers: {
          command: string[]
          ports: { name: string; containerPort: number }[]
          env: { name: string; value: string }[]
          lifecycle: { preStop: { exec: { command: [string, string] } } }
          livenessProbe: Probe
          startupProbe: Probe
          readinessProbe: Probe
          volumeMounts: { name: string; mountPath: string }[]
        }[]
      }
    }
  }
}

const manifest = await readManifest()
const resource = (kind: string): Resource => {
  const [found, ...others] = manifest.filter((each) => each.kind === kind)
  assert.ok(found && others.length === 0, kind)
  return found
}
const deployment = resource('Deployment') as Deployment
const pod = deployment.spec.template.spec
const [container] = pod.containers
assert.ok(container)
const { data } = resource('ConfigMap') as Resource & { data: { 'chat.json': string } }
const config = JSON.parse(data['chat.json']) as { drainTime: number; engine: { type: string } }

test('the manifest has the fields that Kubernetes declares, and no other', () => {
  assert.deepEqual(kubernetesProblems(manifest), [])
  // This shows that the check is able to find a mistake.
  const text = JSON.stringify(manifest)
  for (const [right, wrong] of [
    ['"readinessProbe"', '"readinesProbe"'],
    ['"replicas":3', '"replicas":"3"'],
    ['"selector":{"matchLabels"', '"select":{"matchLabels"'],
  ] as const)
    assert.equal(
      kubernetesProblems(JSON.parse(replaceAll(text, { [right]: wrong })) as Resource[]).length > 0,
      true,
      wrong,
    )
})

test('Kubernetes restarts a gateway for its process alone, and sends it no connection while it can not store', () => {
  assert.equal(container.livenessProbe.httpGet.path, '/healthz')
  assert.equal(container.startupProbe.httpGet.path, '/healthz')
  assert.equal(container.readinessProbe.httpGet.path, '/readyz')
  const [port] = container.ports
  assert.equal(container.readinessProbe.httpGet.port, port?.name)
  assert.equal(container.env.find(({ name }) => name === 'PORT')?.value, String(port?.containerPort))
})

test('deployment, service and disruption budget select the same pods, and no session sticks to a pod', () => {
  const { labels } = deployment.spec.template.metadata
  assert.deepEqual(deployment.spec.selector.matchLabels, labels)
  const service = resource('Service') as Resource & {
    spec: { selector: object; sessionAffinity: string }
  }
  assert.deepEqual(service.spec.selector, labels)
  assert.equal(service.spec.sessionAffinity, 'None')
  const budget = resource('PodDisruptionBudget') as Resource & {
    spec: { selector: object; maxUnavailable: number }
  }
  assert.deepEqual(budget.spec.selector, { matchLabels: labels })
  assert.ok(budget.spec.maxUnavailable < deployment.spec.replicas)
})

test('`check` takes the config of the manifest, with the secrets that its comment names', async () => {
  const folder = scratchFolder()
  await writeFile(join(folder, 'chat.json'), data['chat.json'])
  const names = [...(await readDeployed('kubernetes.yaml')).matchAll(/--from-literal=(\w+)=/g)]
  assert.deepEqual(
    names.map(([, name]) => name),
    ['REDIS_URL', 'CHAT_SECRET'],
  )
  // Each key of the Secret is a file at the place of the mounted volume.
  const mount = container.volumeMounts.find(({ name }) => name === 'secrets')?.mountPath ?? ''
  await writeFile(join(folder, 'chat.json'), data['chat.json'].replaceAll(mount, folder))
  await writeFile(join(folder, 'CHAT_SECRET'), 'a secret of the manifest that has 32 bytes or more\n')
  const { code, stderr } = await finish(['check', '--config', join(folder, 'chat.json')], {
    REDIS_URL: 'redis://127.0.0.1:6379',
  })
  assert.equal(code, 0, stderr)
  assert.equal(config.engine.type, 'redis')
  assert.equal(
    `${container.volumeMounts[0]?.mountPath ?? ''}/chat.json`,
    container.command.at(-1),
    'the command reads the mounted config',
  )
})

test('docker-compose accepts the file, and refuses one with a key that it does not know', async () => {
  const folder = scratchFolder()
  const text = await readDeployed('docker-compose.yml')
  await writeFile(join(folder, 'chat-secret'), 'x\n')
  await writeFile(join(folder, 'docker-compose.yml'), text)
  const { status, output } = checkCompose(folder)
  assert.equal(status, 0, output)
  await writeFile(
    join(folder, 'docker-compose.yml'),
    replaceAll(text, { stop_grace_period: 'stop_grace_time' }),
  )
  assert.notEqual(checkCompose(folder).status, 0)
})

test('both gateways of the compose file drain in their time, share a durable Redis that evicts nothing, and stand behind Caddy', async () => {
  const { services } = await readCompose()
  const upstreams = /reverse_proxy (.+) \{/.exec(await readDeployed('cluster.Caddyfile'))?.[1]?.split(' ')
  const gateways = Object.entries(services).filter(([name]) => name.startsWith('gateway'))
  assert.deepEqual(
    gateways.map(([name, { environment }]) => `${name}:${environment['PORT'] ?? ''}`),
    upstreams,
  )
  for (const [, { environment, stop_grace_period }] of gateways) {
    assert.equal(environment['REDIS_URL'], 'redis://redis:6379')
    assert.ok(parseInt(stop_grace_period) > 20, 'drainTime is 20 by default')
  }
  const { command, volumes } = services['redis'] ?? { command: [], volumes: [] }
  const options = command.join(' ')
  for (const option of ['--appendonly yes', '--appendfsync always', '--maxmemory-policy noeviction'])
    assert.ok(options.includes(option), option)
  assert.deepEqual(volumes, ['redis-data:/data'])
})
