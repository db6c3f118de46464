import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { after } from 'node:test'
import { makeCertificate } from '../../support/network/certificates.js'
import { freePort } from '../../support/network/free-port.js'
import { program, runProgram } from '../../support/redis/programs.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'

/** The status of an answer; 0 if there is none. */
const statusOf = (url: string, ca: Buffer): Promise<number> =>
  new Promise((resolve) => {
    const outgoing = request(url, { ca }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    outgoing.once('error', () => resolve(0)).end()
  })

export interface HAProxy {
  /** https://127.0.0.1:PORT */
  url: string
  /** The name of its certificate's file. */
  cert: string
  ca: Buffer
  log(): string
}

/** Starts HAProxy with deploy/haproxy.cfg in front of three gateways. */
export const startHAProxy = async (ports: readonly number[]): Promise<HAProxy> => {
  const folder = scratchFolder()
  const { cert, key, ca } = makeCertificate(folder, 'haproxy')
  const pem = join(folder, 'chat.pem')
  writeFileSync(pem, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'))
  const port = await freePort()
  let text = await readFile(new URL('../../../deploy/haproxy.cfg', import.meta.url), 'utf8')
  const parts = {
    'bind :443': `bind 127.0.0.1:${port}`,
    '/etc/haproxy/chat.example.com.pem': pem,
    ...Object.fromEntries(ports.map((each, n) => [` gateway-${n + 1}:8080`, ` 127.0.0.1:${each}`])),
  }
  for (const [part, other] of Object.entries(parts)) {
    if (!text.includes(part)) throw new Error(`deploy/haproxy.cfg has no ${part}`)
    text = text.replaceAll(part, other)
  }
  const config = join(folder, 'haproxy.cfg')
  writeFileSync(config, text)
  await runProgram('haproxy', ['-c', '-f', config])
  let log = ''
  // `-db` stays in the foreground.
  const child = spawn(program('haproxy'), ['-db', '-f', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log += chunk.toString()))
  after(() => child.kill('SIGTERM'))
  await until('HAProxy listens', async () => {
    if (child.exitCode !== null) throw new Error(`HAProxy ended: ${log}`)
    return (await statusOf(`https://127.0.0.1:${port}/readyz`, ca)) === 200
  })
  return { url: `https://127.0.0.1:${port}`, cert, ca, log: () => log }
}
