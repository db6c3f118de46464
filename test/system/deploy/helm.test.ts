// The Helm chart: linted and rendered by Helm, checked against the types of Kubernetes, against kubernetes.yaml and against the gateway
// that it runs. There is no Kubernetes here to run it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { load, loadAll } from 'js-yaml'
import { adminUses, appUses } from '../../../src/gateway/config/secrets.js'
import { finish } from '../../support/processes/command-line.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { kubernetesProblems, readManifest, type Resource } from './cluster-support.js'

const chart = fileURLToPath(new URL('../../../deploy/helm/chat-session', import.meta.url))
const commands = fileURLToPath(new URL('helm/node_modules/.bin', import.meta.url))

/** Runs Helm on the chart with these values: the system's own Helm, or that of npm. */
const helm = (
  command: string[],
  values: object,
): { status: number | null; stdout: string; stderr: string } => {
  const file = join(scratchFolder(), 'values.json')
  writeFileSync(file, JSON.stringify(values))
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:${commands}` }
  const run = spawnSync('helm', [...command, chart, '--values', file], { encoding: 'utf8', env })
  if (run.error)
    throw new Error('Helm is missing: npm ci --prefix test/system/deploy/helm', { cause: run.error })
  return run
}

const render = (values: object): Resource[] => {
  const { status, stdout, stderr } = helm(['template', 'chat-session'], values)
  assert.equal(status, 0, stderr)
  return loadAll(stdout) as Resource[]
}

const refusal = (values: object): string => {
  const { status, stderr } = helm(['template', 'chat-session'], values)
  assert.notEqual(status, 0, JSON.stringify(values))
  return stderr
}

interface Pod {
  terminationGracePeriodSeconds: number
  securityContext: { runAsNonRoot: boolean; fsGroup?: number }
  containers: {
    image: string
    ports: { name: string; containerPort: number }[]
    volumeMounts: { name: string; mountPath: string }[]
    lifecycle: { preStop: { exec: { command: [string, string] } } }
    securityContext: { readOnlyRootFilesystem: boolean }
  }[]
  volumes: { name: string; persistentVolumeClaim?: { claimName: string } }[]
  nodeSelector?: object
}

/** The resources that the tests read, by their kinds. */
interface Kinds {
  ConfigMap: Resource & { data: { 'chat.json': string } }
  Deployment: Resource & {
    spec: {
      replicas?: number
      strategy: { type: string }
      template: { metadata: { labels: object; annotations: Record<string, string> }; spec: Pod }
    }
  }
  HorizontalPodAutoscaler: Resource & {
    spec: {
      minReplicas: number
      maxReplicas: number
      scaleTargetRef: { kind: string; name: string }
      behavior: {
        scaleDown: {
          stabilizationWindowSeconds: number
          policies: { type: string; value: number; periodSeconds: number }[]
        }
      }
    }
  }
  Ingress: Resource & {
    metadata: { annotations: Record<string, string> }
    spec: { rules: { host: string }[] }
  }
  PersistentVolumeClaim: Resource & { metadata: { annotations: Record<string, string> } }
  PodMonitor: Resource & { spec: { selector: { matchLabels: object }; podMetricsEndpoints: object[] } }
}

const find = <K extends keyof Kinds>(resources: readonly Resource[], kind: K): Kinds[K] => {
  const [found, ...others] = resources.filter((each) => each.kind === kind)
  assert.ok(found && others.length === 0, kind)
  return found as Kinds[K]
}

const podOf = (resources: readonly Resource[]): Pod => find(resources, 'Deployment').spec.template.spec

const gatewayOf = (resources: readonly Resource[]): Pod['containers'][number] => {
  const [container, ...others] = podOf(resources).containers
  assert.ok(container && others.length === 0)
  return container
}

const app = {
  environment: 'production',
  secrets: [{ file: '/run/secrets/chat-session/CHAT_SECRET' }],
  origins: ['https://www.example.com'],
}
const withConfig = (config: object, values: object = {}): object => ({
  ...values,
  config: { apps: { hF83jaq: app }, ...config },
})

const redis = withConfig({})
const embedded = withConfig({ engine: { type: 'embedded', path: '/data' } }, { replicas: 1 })
const admin = { host: '0.0.0.0', token: { env: 'ADMIN_TOKEN' }, readToken: { env: 'ADMIN_READ_TOKEN' } }
const everything = withConfig(
  { admin },
  {
    autoscaling: { enabled: true },
    ingress: { enabled: true, host: 'chat.example.com', className: 'nginx', tlsSecretName: 'chat-tls' },
    podMonitor: { enabled: true },
    pod: { nodeSelector: { 'kubernetes.io/arch': 'amd64' } },
  },
)

test('Helm’s linter finds nothing in the chart, and finds a mistake of its values', () => {
  for (const values of [redis, embedded, everything]) {
    const { status, stdout } = helm(['lint', '--strict'], values)
    assert.equal(status, 0, stdout)
  }
  assert.notEqual(helm(['lint'], withConfig({ drainTime: 'long' })).status, 0)
})

test('the manifests have the fields that Kubernetes declares, and no other', () => {
  const resources = [redis, embedded, everything].flatMap(render)
  // The types have no PodMonitor, which is the Prometheus operator's.
  assert.deepEqual(kubernetesProblems(resources.filter(({ kind }) => kind !== 'PodMonitor')), [])
})

test('the chart takes the values of docs/OPERATING.md', async () => {
  const guide = await readFile(new URL('../../../docs/OPERATING.md', import.meta.url), 'utf8')
  const [, values = ''] = /## With Kubernetes\n[^]*?```yaml\n([^]*?)```/.exec(guide) ?? []
  const resources = render(load(values) as object)
  assert.equal(find(resources, 'Ingress').spec.rules[0]?.host, 'chat.example.com')
  const pod = podOf(resources)
  const { drainTime } = JSON.parse(find(resources, 'ConfigMap').data['chat.json']) as { drainTime: number }
  const [, seconds] = /(\d+) s more than\s+`drainTime`/.exec(guide) ?? []
  assert.equal(Number(seconds), pod.terminationGracePeriodSeconds - drainTime)
})

test('kubernetes.yaml is what the chart renders for its app', async () => {
  /** Without what is Helm's own, in order. The config is compared as it is read. */
  const plain = (resources: Resource[]): object[] => {
    const { template } = find(resources, 'Deployment').spec
    Reflect.deleteProperty(template.metadata, 'annotations')
    return resources
      .map(({ metadata: { name }, ...rest }) => {
        const { data } = rest as { data?: Record<string, string> }
        return { ...rest, name, ...(data && { data: JSON.parse(data['chat.json'] ?? '') as object }) }
      })
      .sort((a, b) => a.kind.localeCompare(b.kind))
  }
  const manifest = await readManifest()
  const { apps } = JSON.parse(find(manifest, 'ConfigMap').data['chat.json']) as { apps: object }
  assert.deepEqual(plain(render({ config: { apps } })), plain(manifest))
})

test('a pod has time for its preStop hook and its whole drain', () => {
  for (const drainTime of [0, 20, 90.5]) {
    const resources = render(withConfig({ drainTime }))
    const [, seconds] = gatewayOf(resources).lifecycle.preStop.exec.command
    assert.ok(podOf(resources).terminationGracePeriodSeconds >= Number(seconds) + drainTime + 5)
  }
})

test('`check` takes the configs of the chart', async () => {
  const folder = scratchFolder()
  for (const values of [redis, embedded, everything]) {
    const resources = render(values)
    const config = join(folder, 'chat.json')
    // Each key of the Secret is a file at the place of the mounted volume.
    const mount = gatewayOf(resources).volumeMounts.find(({ name }) => name === 'secrets')?.mountPath ?? ''
    writeFileSync(config, find(resources, 'ConfigMap').data['chat.json'].replaceAll(mount, folder))
    writeFileSync(join(folder, 'CHAT_SECRET'), 'a secret of the chart that has 32 bytes or more\n')
    const { code, stderr } = await finish(['check', '--config', config], {
      REDIS_URL: 'redis://127.0.0.1:6379',
      ADMIN_TOKEN: 'a token of the chart that has 32 bytes or more',
      ADMIN_READ_TOKEN: 'another token of the chart, of 32 bytes or more',
    })
    assert.equal(code, 0, stderr)
  }
})

test('the embedded engine has one pod at a time, and a volume that stays', () => {
  const resources = render(embedded)
  const { spec } = find(resources, 'Deployment')
  assert.equal(spec.replicas, 1)
  assert.equal(spec.strategy.type, 'Recreate')
  const claim = find(resources, 'PersistentVolumeClaim')
  assert.equal(claim.metadata.annotations['helm.sh/resource-policy'], 'keep')
  const pod = podOf(resources)
  const volume = pod.volumes.find(({ persistentVolumeClaim }) => persistentVolumeClaim)
  assert.equal(volume?.persistentVolumeClaim?.claimName, claim.metadata.name)
  const { volumeMounts } = gatewayOf(resources)
  assert.equal(volumeMounts.find(({ name }) => name === volume.name)?.mountPath, '/data')
  assert.ok(pod.securityContext.fsGroup, 'the gateway may write to the volume')
})

test('no pod runs as root or writes to the image', () => {
  for (const values of [redis, embedded]) {
    assert.equal(podOf(render(values)).securityContext.runAsNonRoot, true)
    assert.equal(gatewayOf(render(values)).securityContext.readOnlyRootFilesystem, true)
  }
})

test('the autoscaler removes one gateway at a time, and none in the first minutes', () => {
  const resources = render(everything)
  const { spec } = find(resources, 'HorizontalPodAutoscaler')
  const deployment = find(resources, 'Deployment')
  assert.equal(deployment.spec.replicas, undefined, 'each upgrade would set it back')
  assert.equal(spec.scaleTargetRef.name, deployment.metadata.name)
  assert.ok(spec.minReplicas < spec.maxReplicas)
  assert.ok(spec.behavior.scaleDown.stabilizationWindowSeconds >= 300)
  const [policy, ...others] = spec.behavior.scaleDown.policies
  assert.equal(others.length, 0)
  assert.equal(policy?.value, 1)
  assert.ok(policy.periodSeconds >= podOf(resources).terminationGracePeriodSeconds)
})

test('the ingress passes each event on at once, and ends no quiet session', () => {
  const { metadata, spec } = find(render(everything), 'Ingress')
  const annotation = (name: string) => metadata.annotations[`nginx.ingress.kubernetes.io/${name}`]
  assert.equal(annotation('proxy-buffering'), 'off')
  for (const name of ['proxy-read-timeout', 'proxy-send-timeout']) assert.ok(Number(annotation(name)) > 25)
  assert.equal(spec.rules[0]?.host, 'chat.example.com')
})

test('Prometheus reads the admin listener of each pod with the read token', () => {
  const resources = render(everything)
  const { selector, podMetricsEndpoints } = find(resources, 'PodMonitor').spec
  assert.deepEqual(selector.matchLabels, find(resources, 'Deployment').spec.template.metadata.labels)
  assert.deepEqual(podMetricsEndpoints, [
    { port: 'admin', authorization: { credentials: { name: 'chat-session', key: 'ADMIN_READ_TOKEN' } } },
  ])
  assert.ok(
    gatewayOf(resources).ports.some(({ name, containerPort }) => name === 'admin' && containerPort === 9090),
  )
})

test('another config makes new pods', () => {
  const checksum = (values: object) =>
    find(render(values), 'Deployment').spec.template.metadata.annotations['checksum/config']
  assert.equal(checksum(redis), checksum(redis))
  assert.notEqual(checksum(redis), checksum(withConfig({ pingInterval: 20 })))
})

test('fields of the pod and an image of your own are taken', () => {
  assert.deepEqual(podOf(render(everything)).nodeSelector, { 'kubernetes.io/arch': 'amd64' })
  const image = { repository: 'registry.example.com/chat', tag: '7' }
  assert.equal(gatewayOf(render(withConfig({}, { image }))).image, 'registry.example.com/chat:7')
})

const onDisk = { engine: { type: 'embedded', path: '/data' } }
const refused: [mistake: string, values: object, message: RegExp][] = [
  ['two gateways on one disk', withConfig(onDisk, { replicas: 2 }), /set replicas to 1/],
  [
    'an autoscaler on one disk',
    withConfig(onDisk, { replicas: 1, autoscaling: { enabled: true } }),
    /autoscaling\.enabled to false/,
  ],
  [
    'an embedded engine without a folder',
    withConfig({ engine: { type: 'embedded' } }, { replicas: 1 }),
    /set it to \/data/,
  ],
  ['an engine without a store', withConfig({ engine: { type: 'memory' } }), /config\.engine\.type/],
  ['a config without an app', {}, /config\.apps/],
  ['values without a Secret', withConfig({}, { secretName: '' }), /secretName/],
  ['a value that the chart does not know', withConfig({}, { replica: 2 }), /replica/],
  ['an ingress without a host', withConfig({}, { ingress: { enabled: true } }), /ingress\.host/],
  [
    'metrics on the loopback address',
    withConfig({ admin: { ...admin, host: '127.0.0.1' } }, { podMonitor: { enabled: true } }),
    /set config\.admin to/,
  ],
  [
    'a password of Redis as text',
    withConfig({ engine: { type: 'redis', url: 'redis://:password@redis:6379' } }),
    /config\.engine\.url/,
  ],
]

for (const [mistake, values, message] of refused)
  test(`the chart refuses ${mistake}`, () => {
    assert.match(refusal(values), message)
  })

test('the chart takes the name of each secret of the config, and never the secret', () => {
  /** `value` at a path of keys. */
  const at = (path: readonly PropertyKey[], value: unknown): object =>
    path.reduceRight((inner: unknown, key) => ({ [key]: inner }), value) as object
  const paths = [
    ...adminUses.map((path) => ['admin', ...path]),
    ...appUses.map((path) => ['apps', 'hF83jaq', ...path]),
  ]
  for (const path of paths) {
    const isRefused = (secret: unknown): boolean =>
      helm(['template', 'chat-session'], { config: { apps: { other: app }, ...at(path, secret) } }).status !==
      0
    assert.deepEqual(['text', ['text']].map(isRefused), [true, true], `${path.join('.')} as text`)
    for (const name of [{ env: 'NAME' }, { file: 'PATH' }])
      assert.notEqual(isRefused(name), isRefused([name]), path.join('.'))
    const both = { env: 'NAME', file: 'PATH' }
    assert.deepEqual([both, [both]].map(isRefused), [true, true], `${path.join('.')} twice`)
  }
})
