// Runs the files of deploy/ as they are, but for addresses and folders.
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after } from 'node:test'
import { makeCertificate } from '../../support/network/certificates.js'
import { freePort } from '../../support/network/free-port.js'
import { within } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'

/** Debian's packages that these tests need, with a command of each. */
const packages = {
  nginx: 'nginx',
  caddy: 'caddy',
  systemd: 'systemd-analyze',
  openssl: 'openssl',
  strace: 'strace',
  prometheus: 'promtool',
  python3: 'python3',
  'redis-server': 'redis-server',
  'docker-compose': 'docker-compose',
}

const missing = Object.entries(packages).flatMap(([name, command]) =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).error ? [name] : [],
)
if (missing.length > 0)
  throw new Error(`These tests need Debian's packages: apt-get install ${missing.join(' ')}`)

export const readDeployed = (name: string): Promise<string> =>
  readFile(new URL(`../../../deploy/${name}`, import.meta.url), 'utf8')

/** Replaces parts of a file. Each of them must be there, so that a test can't miss a change of the file. */
export const replaceAll = (text: string, parts: Record<string, string>): string =>
  Object.entries(parts).reduce((changed, [part, other]) => {
    assert.ok(changed.includes(part), part)
    return changed.replaceAll(part, other)
  }, text)

export interface Proxy {
  /** https://127.0.0.1:PORT */
  url: string
  /** The name of its certificate's file, and its content. */
  cert: string
  ca: Buffer
  /** http://127.0.0.1:PORT, if it listens for plain HTTP too. */
  plainUrl: string | undefined
  /** Everything that it has logged. */
  logs(): Promise<string>
}

const untilListening = async (port: number, child: ChildProcess, output: () => string): Promise<void> => {
  for (;;) {
    if (child.exitCode !== null) throw new Error(output())
    const socket = connect(port, '127.0.0.1')
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (isOpen) return
  }
}

/** Starts a proxy. Returns a function that returns what it has written to its standard output and standard error. */
const start = async (command: string, args: string[], port: number): Promise<() => string> => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const exited = once(child, 'exit')
  after(async () => {
    child.kill('SIGTERM')
    await exited
  })
  await within(
    untilListening(port, child, () => text),
    command,
  )
  return () => text
}

/** Starts nginx in front of a gateway on `port`. */
export const startNginx = async (port: number): Promise<Proxy> => {
  const folder = scratchFolder()
  const { cert, key, ca } = makeCertificate(folder, 'nginx')
  const [tls, plain] = [await freePort(), await freePort()]
  const site = replaceAll(await readDeployed('nginx.conf'), {
    'server 127.0.0.1:8080;': `server 127.0.0.1:${port};`,
    'listen 80;': `listen 127.0.0.1:${plain};`,
    'listen [::]:80;': '',
    'listen 443 ssl http2;': `listen 127.0.0.1:${tls} ssl http2;`,
    'listen [::]:443 ssl http2;': '',
    '/etc/letsencrypt/live/chat.example.com/fullchain.pem': cert,
    '/etc/letsencrypt/live/chat.example.com/privkey.pem': key,
    '/var/log/nginx/': `${folder}/`,
  })
  await writeFile(join(folder, 'site.conf'), site)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ')
  const config = join(folder, 'nginx.conf')
  await writeFile(
    config,
    `${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; pid ${folder}/nginx.pid; daemon off;
    error_log ${folder}/error.log info; events {} http { ${temporary} include ${folder}/site.conf; }`,
  )
  const args = ['-e', `${folder}/error.log`, '-p', folder, '-c', config]
  const check = spawnSync('nginx', ['-t', ...args], { encoding: 'utf8' })
  assert.equal(check.status, 0, check.stderr)
  await start('nginx', args, tls)
  const names = ['chat-session.access.log', 'chat-session.error.log', 'error.log']
  return {
    url: `https://127.0.0.1:${tls}`,
    plainUrl: `http://127.0.0.1:${plain}`,
    cert,
    ca,
    logs: async () => (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join(''),
  }
}

/** Starts Caddy with a file of deploy/, whose `parts` are replaced. */
const startCaddyWith = async (
  file: string,
  parts: (folder: string) => Record<string, string>,
): Promise<Proxy> => {
  const folder = scratchFolder()
  const { cert, key, ca } = makeCertificate(folder, 'caddy')
  const tls = await freePort()
  const site = replaceAll(await readDeployed(file), {
    '\n{\n': `\n{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system ${folder}\n`,
    'chat.example.com {': `https://127.0.0.1:${tls} {\n\tbind 127.0.0.1\n\ttls ${cert} ${key}`,
    ...parts(folder),
  })
  const config = join(folder, 'Caddyfile')
  await writeFile(config, site)
  const output = await start('caddy', ['run', '--adapter', 'caddyfile', '--config', config], tls)
  return {
    url: `https://127.0.0.1:${tls}`,
    plainUrl: undefined,
    cert,
    ca,
    logs: async () => output() + (await readFile(join(folder, 'chat-session.log'), 'utf8').catch(() => '')),
  }
}

/** Starts Caddy in front of a gateway on `port`. */
export const startCaddy = (port: number): Promise<Proxy> =>
  startCaddyWith('Caddyfile', (folder) => ({
    '127.0.0.1:8080': `127.0.0.1:${port}`,
    '/var/log/caddy/': `${folder}/`,
  }))

/** Starts Caddy in front of two gateways. It logs to standard output. */
export const startClusterCaddy = ([first = 0, second = 0]: readonly number[]): Promise<Proxy> =>
  startCaddyWith('cluster.Caddyfile', () => ({
    'gateway-1:8080': `127.0.0.1:${first}`,
    'gateway-2:8080': `127.0.0.1:${second}`,
  }))
