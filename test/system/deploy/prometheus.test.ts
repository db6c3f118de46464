// Prometheus collects a gateway's metrics as docs/METRICS.md says, loads the alert rules, and answers the dashboard's queries.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../support/network/free-port.js'
import { startGateway } from '../../support/gateway.js'
import { startClient } from '../../support/raw-client.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { readDeployed } from './support.js'

const adminToken = 'the admin token of a test, 32 bytes'
const readToken = 'the read token of a test, 32 bytes.'

const folder = await mkdtemp(join(tmpdir(), 'chat-session-prometheus-'))
after(() => rm(folder, { recursive: true, force: true }))

const { gateway, url } = await startGateway({}, { admin: { port: 0, token: adminToken, readToken } })
const admin = String(await gateway.listenAdmin())

/** Starts Prometheus. Returns a function that asks its API. */
const startPrometheus = async (): Promise<
  (path: string, query?: Record<string, string>) => Promise<unknown>
> => {
  const port = await freePort()
  const [config, token] = [join(folder, 'prometheus.yml'), join(folder, 'token')]
  await writeFile(token, readToken)
  await writeFile(
    config,
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${fileURLToPath(new URL('../../../deploy/alerts.yml', import.meta.url))}']
scrape_configs:
  - job_name: chat-session
    authorization: { credentials_file: ${token} }
    static_configs: [{ targets: ['${new URL(admin).host}'] }]
`,
  )
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  after(() => child.kill('SIGKILL'))
  const base = `http://127.0.0.1:${port}`
  await until('Prometheus is ready', () =>
    fetch(`${base}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  return async (path, query = {}) => {
    const response = await fetch(`${base}/api/v1/${path}?${new URLSearchParams(query)}`)
    const { status, data, error } = (await response.json()) as {
      status: string
      data: unknown
      error?: string
    }
    assert.equal(status, 'success', `${JSON.stringify(query)}: ${error}`)
    return data
  }
}

const ask = await startPrometheus()

/** Returns the number of series that a query has. */
const count = async (query: string): Promise<number> =>
  ((await ask('query', { query })) as { result: unknown[] }).result.length

test('Prometheus collects the metrics with the read token', async () => {
  await startClient(url, { type: 'start', appId: 'app', token: await tokenFor('ada') })
  await until(
    'the session is collected',
    async () => (await count('chat_session_sessions{state="active"} == 1')) === 1,
  )
  assert.equal(await count('up{job="chat-session"} == 1'), 1)
})

test('promtool finds nothing wrong with the metrics', async () => {
  const response = await fetch(`${admin}/metrics`, { headers: { authorization: `Bearer ${readToken}` } })
  const text = (await response.text())
    // Node's own metrics have names of prom-client.
    .split('\n')
    .filter((line) => /^(# \w+ )?chat_session_/.test(line))
    .join('\n')
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: `${text}\n`,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
})

test('Prometheus evaluates each alert rule, and none fires for a gateway that is well', async () => {
  type Groups = { groups: { rules: { name: string; health: string; lastError?: string; state: string }[] }[] }
  const rules = async (): Promise<Groups['groups'][number]['rules']> =>
    ((await ask('rules')) as Groups).groups.flatMap((group) => group.rules)
  await until('the rules are evaluated', async () =>
    (await rules()).every(({ health }) => health !== 'unknown'),
  )
  const evaluated = await rules()
  assert.ok(evaluated.length > 10)
  for (const { name, health, lastError, state } of evaluated)
    assert.deepEqual([name, health, lastError, state], [name, 'ok', undefined, 'inactive'])
})

test("Prometheus answers each of the dashboard's queries", async () => {
  const { panels } = JSON.parse(await readDeployed('grafana-dashboard.json')) as {
    panels: { title: string; targets?: { expr: string }[] }[]
  }
  for (const { targets = [] } of panels)
    for (const { expr } of targets)
      await ask('query', {
        query: expr
          .replaceAll('$__rate_interval', '1m')
          .replaceAll('$instance', '.*')
          .replaceAll('$app', '.*'),
      })
  assert.equal(await count('sum by (app, state) (chat_session_sessions{instance=~".*",app=~".*"})'), 2)
})

test('the dashboard counts a session of another gateway on the same Redis as active, and not as detached', async () => {
  const { panels } = JSON.parse(await readDeployed('grafana-dashboard.json')) as {
    panels: { targets?: { expr: string }[] }[]
  }
  const exprs = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  const [active = '', detached = ''] = exprs
    .filter((expr) => expr.includes('chat_session_sessions'))
    .map((expr) => expr.replaceAll('$instance', '.*').replaceAll('$app', '.*'))
  // Two gateways carry three and two sessions. One more session waits for its client.
  const series = [
    ['a', 'active', 3],
    ['a', 'detached', 3],
    ['b', 'active', 2],
    ['b', 'detached', 4],
  ].map(([instance, state, value]) => ({
    series: `chat_session_sessions{app="x",instance="${instance}",state="${state}"}`,
    values: `${value}`,
  }))
  const sample = (expr: string, value: number) => ({ expr, exp_samples: [{ labels: '{app="x"}', value }] })
  const file = join(folder, 'sessions.yml')
  await writeFile(
    file,
    JSON.stringify({
      tests: [{ input_series: series, promql_expr_test: [sample(active, 5), sample(detached, 1)] }],
    }),
  )
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
})
