import { strict as assert } from 'node:assert'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { newContext } from '../../support/browsers/browser.js'
import { until } from '../../support/until.js'
import { untilState } from '../../support/sites/page-state.js'
import { startServer } from '../../support/network/http-server.js'

const file = fileURLToPath(new URL('../../../demo/start.mjs', import.meta.url))

interface Run {
  child: ChildProcess
  output(): string
  problems(): string
  /** The exit code, or the name of the signal that ended the process; undefined while it runs. */
  outcome(): unknown
}

/** Runs the real file in a folder of its own, by default on free ports. */
const start = async (env: Record<string, string> = {}): Promise<Run> => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-start-'))
  const child = spawn(process.execPath, [file], {
    cwd: folder,
    env: { ...process.env, PORT: '0', DEMO_PORT: '0', ...env },
  })
  let [output, problems] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (problems += text))
  let outcome: unknown
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => (outcome = code ?? signal))
  after(async () => {
    child.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  })
  return { child, output: () => output, problems: () => problems, outcome: () => outcome }
}

/** Waits for the start. Resolves with the two addresses. */
const addressesOf = async ({ output, problems }: Run): Promise<{ playground: string; demo: string }> => {
  const found = (name: string): string | undefined =>
    new RegExp(`^ +${name} +(http://127\\.0\\.0\\.1:\\d+/)$`, 'm').exec(output())?.[1]
  await until(`the addresses, ${problems()}`, () => !!found('demo shop'), true)
  return { playground: found('playground') ?? '', demo: found('demo shop') ?? '' }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  test(`a customer logs in at the printed address and has an active session; ${signal} ends gateway and shop cleanly`, async () => {
    const run = await start()
    const { playground, demo } = await addressesOf(run)
    const listening = [...run.output().matchAll(/^listening on (\S+)$/gm)].map(([, url]) => `${url}/`)
    assert.deepEqual(listening, [playground, demo])
    const page = await (await newContext()).newPage()
    // Visitors ask as guests.
    await page.goto(`${demo}products/mug`)
    await page.getByLabel('Write to').waitFor()
    await page.goto(demo)
    await page.getByRole('link', { name: 'Log in' }).click()
    await page.getByRole('button', { name: 'Alice Moreau' }).click()
    await page.getByText('chat: active').waitFor()
    run.child.kill(signal)
    await until('the exit code', run.outcome, 0)
    await untilState(page, 'reconnecting')
  })

for (const [name, what] of [
  ['PORT', 'gateway'],
  ['DEMO_PORT', 'shop'],
] as const) {
  test(`if the ${what}'s port is in use, one line says so and how to choose another`, async () => {
    const { port } = await startServer((_, response) => response.end())
    const run = await start({ [name]: String(port) })
    await until('the exit code', run.outcome, 2)
    const lines = run.problems().trim().split('\n')
    assert.deepEqual(lines, [
      `demo: Port ${port} on 127.0.0.1 is in use: choose another for the ${what} with ${name}, or 0 for a free one.`,
    ])
    assert.equal(run.output(), '')
  })

  test(`a ${name} that is no port is refused`, async () => {
    const run = await start({ [name]: '99999' })
    await until('the exit code', run.outcome, 2)
    assert.equal(run.problems(), `demo: ${name} is 99999: a port is a number from 0 to 65535.\n`)
  })
}
