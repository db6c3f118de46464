// docs/METRICS.md, the dashboard and the alert rules name the metrics that the code has.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { metricsTable } from '../../../src/gateway/metrics/table.js'

const read = (name: string): Promise<string> => readFile(new URL(`../../../${name}`, import.meta.url), 'utf8')

const rows = Object.values(metricsTable)
const names = new Set<string>(rows.map(({ name }) => name))

/** Prometheus' own metrics that the files use: those of its client for Node, and of a scrape. */
const OTHERS =
  /^(up|process_(cpu_seconds_total|resident_memory_bytes)|nodejs_(eventloop_lag_p99_seconds|heap_size_used_bytes))$/

/**
 * The names of metrics in an expression of Prometheus. A name stands before `{`, `[`, an operator or the end, and no function or label
 * does.
 */
const metricsIn = (expression: string): string[] =>
  [...expression.replaceAll(/"[^"]*"/g, '""').matchAll(/\b(?:chat_session|process|nodejs)_\w+|\bup\b/g)].map(
    ([name]) =>
      rows.some((row) => row.kind === 'histogram' && name.startsWith(`${row.name}_`))
        ? name.replace(/_(bucket|sum|count)$/, '')
        : name,
  )

const assertKnown = (used: Iterable<string>): void => {
  for (const name of used) assert.ok(names.has(name) || OTHERS.test(name), `there is no metric ${name}`)
}

test('docs/METRICS.md has one row for each metric, with its kind and labels, and says how to react to it', async () => {
  const documented = [
    ...(await read('docs/METRICS.md')).matchAll(
      /^\| `(chat_session_\w+)` +\| (\w+) +\| ([^|]*?) *\| ([^|]*?) *\| ([^|]*?) *\|$/gm,
    ),
  ].map(([, name, kind, labels = '', meaning]) => {
    assert.ok(meaning, name)
    return { name, kind, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label) }
  })
  const byName = (one: { name?: string | undefined }, other: { name?: string | undefined }): number =>
    String(one.name).localeCompare(String(other.name))
  assert.deepEqual(
    documented.sort(byName),
    rows.map(({ name, kind, labels }) => ({ name, kind, labels: [...labels] })).sort(byName),
  )
})

test('the gateway counts, observes or sets each metric', async () => {
  const folder = new URL('../../../src/gateway/', import.meta.url)
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts'))
  const sources = await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')))
  const used = new Set(
    sources.flatMap((source) =>
      [...source.matchAll(/(\w+)\s*\.(?:inc|observe|set)\(/g)].map(([, key]) => key),
    ),
  )
  assert.deepEqual(
    Object.keys(metricsTable).filter((key) => !used.has(key)),
    [],
  )
})

test('the dashboard shows every metric, and no other', async () => {
  const { panels } = JSON.parse(await read('deploy/grafana-dashboard.json')) as {
    panels: { targets?: { expr: string }[] }[]
  }
  const used = new Set(panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsIn(expr))))
  assertKnown(used)
  assert.deepEqual(
    [...names].filter((name) => !used.has(name)),
    [],
  )
})

test('the alert rules use metrics and labels that exist', async () => {
  const rules = (await read('deploy/alerts.yml')).replaceAll(/^ *#.*$/gm, '')
  const expressions = [...rules.matchAll(/^ +expr: (\|\n(?: {10,}.*\n)+|.*\n)/gm)].map(
    ([, expression = '']) => expression,
  )
  assert.equal(expressions.length, [...rules.matchAll(/- alert:/g)].length)
  for (const expression of expressions) {
    const used = metricsIn(expression)
    assert.ok(used.length > 0, expression)
    assertKnown(used)
    const labels = new Set([
      'instance',
      'job',
      'le',
      ...rows.filter(({ name }) => used.includes(name)).flatMap((row) => [...row.labels]),
    ])
    for (const [, list = ''] of expression.matchAll(/\b(?:by|on|ignoring) \(([^)]*)\)/g))
      for (const label of list.split(', ')) assert.ok(labels.has(label), `${label} in ${expression}`)
    for (const [, label = ''] of expression.matchAll(/(\w+)(?:=~|!=|=)"/g))
      assert.ok(labels.has(label), `${label} in ${expression}`)
  }
})

test('every metric has a name and a help text as Prometheus asks for them', () => {
  assert.equal(names.size, rows.length)
  for (const { name, kind, help, labels } of rows) {
    assert.match(name, /^chat_session_[a-z_]+[a-z]$/)
    assert.equal(name.endsWith('_total'), kind === 'counter', name)
    if (kind === 'histogram') assert.match(name, /_seconds$/)
    assert.match(help, /^\S.*\.$/)
    for (const label of labels) assert.match(label, /^[a-z]+$/)
  }
})
