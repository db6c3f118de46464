// Follows the guide that `chat-session init` prints, as a newcomer does: files from its blocks, and its commands.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { mkdirSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { chaptersOf, type Block } from '../../../src/cli/init/guide.js'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { freePort } from '../network/free-port.js'
import { finish, run } from '../processes/command-line.js'
import { until } from '../until.js'

export interface Followed {
  blocks: Block[]
  /** The code of the block for a file. */
  codeOf(file: string): string
  /** The environment that the printed commands set. */
  env: Record<string, string>
  /** The port that the app has to listen on. */
  port: number
}

/**
 * Runs `init` in the folder of an app, writes the printed files into `source`, and starts the gateway by the printed config. The gateway has
 * a free port in place of 8080, in the config and in all that was printed.
 */
export const followInit = async (folder: string, source = folder): Promise<Followed> => {
  const port = await freePort()
  const { code, stdout, stderr } = await finish(['init', '--port', String(port)], {}, folder)
  assert.deepEqual([code, stderr], [0, ''])
  const path = join(folder, 'chat.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as GatewayConfig & { listen: { port: number } }
  const printedPort = config.listen.port
  config.listen.port = await freePort()
  writeFileSync(path, JSON.stringify(config))
  const guide = stdout.replaceAll(`127.0.0.1:${printedPort}`, `127.0.0.1:${config.listen.port}`)
  const blocks = [...chaptersOf(guide).values()].flat()
  for (const { file, code: text } of blocks)
    if (file !== undefined) {
      mkdirSync(dirname(join(source, file)), { recursive: true })
      writeFileSync(join(source, file), text)
    }
  const exports = guide.match(/^export CHAT_.*$/gm)?.join('\n') ?? assert.fail(guide)
  const printed = execFileSync('sh', ['-ec', `${exports}\nenv | grep ^CHAT_`], {
    cwd: folder,
    encoding: 'utf8',
  })
  const env = Object.fromEntries(
    printed
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  )
  await run(['serve', '--config', 'chat.json'], {}, folder).url()
  return {
    blocks,
    codeOf: (file) => blocks.find((block) => block.file === file)?.code ?? assert.fail(`no ${file}`),
    env,
    port,
  }
}

/** Opens the page, and does what the end of the guide says: it sees `active`, writes, and sees the message. */
export const lookAt = async (
  page: Page,
  url: string,
  write: (page: Page) => Promise<void>,
): Promise<void> => {
  await page.goto(url)
  const seen = (): Promise<string> => page.locator('body').innerText()
  await until('the page shows active', async () => /\bactive\b/.test(await seen()))
  await write(page)
  await until('the message is on the page', async () =>
    /\bHello\b/.test(await page.locator('ol').innerText()),
  )
}
