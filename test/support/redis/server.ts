import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { makeCertificate, type Authority, type Certificate } from '../network/certificates.js'
import { freePort } from '../network/free-port.js'
import { scratchFolder } from '../scratch-folder.js'
import { until } from '../until.js'
import { program, runProgram } from './programs.js'
import { buildLibrary } from '../../../scripts/build/lua.mjs'

/** Lines of redis.conf. */
export type Settings = Record<string, string | number>

export interface ServerOptions {
  settings?: Settings
  /** The password of the user `default`. */
  password?: string
  /** Lines of an ACL file, as `user app on >secret ~* +@all`. */
  users?: readonly string[]
  /**
   * Listens with TLS only. True makes a self-signed certificate. With an authority, the server has a certificate of it and asks its
   * clients for one.
   */
  tls?: boolean | Authority
  /** Runs as a Sentinel. */
  sentinel?: boolean
}

/** A server process on a free port of 127.0.0.1, with a folder of its own. */
export interface RedisServer {
  readonly port: number
  /** redis://127.0.0.1:PORT, or rediss: */
  readonly url: string
  readonly folder: string
  readonly certificate: Certificate | undefined
  /** The options of redis-cli for TLS. */
  readonly tlsOptions: readonly string[]
  /** Whether the process runs. It may be paused. */
  isRunning(): boolean
  /** Starts the process on its port and folder. Resolves when it answers. */
  start(): Promise<void>
  /** Ends the process by SIGKILL, or by another signal. Resolves when it has ended. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Stops the process by SIGSTOP: it keeps its connections and answers nothing. */
  pause(): void
  resume(): void
  /** Sends a command by redis-cli. Resolves with the reply, and rejects with an error reply. */
  command(...args: readonly (string | number)[]): Promise<string>
  /** What the process has logged. */
  log(): string
}

/** Redis would wait for seconds before it copies to a replica by disk, which is too long for a test. */
const defaults: Settings = {
  bind: '127.0.0.1',
  'protected-mode': 'no',
  save: '""',
  appendonly: 'no',
  'repl-diskless-sync-delay': 0,
  'maxmemory-policy': 'noeviction',
  'enable-debug-command': 'local',
  daemonize: 'no',
}

const sentinelDefaults: Settings = { bind: '127.0.0.1', 'protected-mode': 'no', daemonize: 'no' }

const configText = (settings: Settings): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('')

const tlsSettings = (
  port: number,
  { cert, key }: Certificate,
  authority: Authority | undefined,
): Settings => ({
  port: 0,
  'tls-port': port,
  'tls-cert-file': cert,
  'tls-key-file': key,
  'tls-ca-cert-file': authority?.cert ?? cert,
  'tls-auth-clients': authority ? 'yes' : 'no',
  'tls-replication': 'yes',
  'tls-cluster': 'yes',
})

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

/** Makes a server, which is not started. Its process ends after the test, and when this process ends. */
export const redisServer = async (options: ServerOptions = {}): Promise<RedisServer> => {
  const { settings = {}, password, users, tls = false, sentinel = false } = options
  const port = await freePort()
  const folder = scratchFolder()
  const authority = typeof tls === 'boolean' ? undefined : tls
  const certificate = authority
    ? authority.issue(folder, 'redis')
    : tls
      ? makeCertificate(folder, 'redis')
      : undefined
  const logFile = join(folder, 'redis.log')
  const config = join(folder, 'redis.conf')
  if (users) writeFileSync(join(folder, 'users.acl'), users.map((line) => `${line}\n`).join(''))
  writeFileSync(
    config,
    configText({
      ...(sentinel ? sentinelDefaults : defaults),
      ...(certificate ? tlsSettings(port, certificate, authority) : { port }),
      dir: folder,
      logfile: logFile,
      ...(users ? { aclfile: join(folder, 'users.acl') } : {}),
      ...(password === undefined ? {} : { requirepass: password, masterauth: password }),
      ...settings,
    }),
  )
  const tlsOptions = certificate
    ? [
        '--tls',
        '--cacert',
        authority?.cert ?? certificate.cert,
        '--cert',
        certificate.cert,
        '--key',
        certificate.key,
      ]
    : []
  const cliOptions = [
    ...['-h', '127.0.0.1', '-p', String(port), '-e'],
    ...tlsOptions,
    ...(password === undefined ? [] : ['--no-auth-warning', '-a', password]),
  ]
  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '')
  let child: ChildProcess | undefined

  const kill = async (signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> => {
    const running = child
    child = undefined
    if (!running || hasEnded(running)) return
    const exit = once(running, 'exit')
    running.kill(signal)
    await exit
  }
  after(() => kill())

  const command: RedisServer['command'] = async (...args) => {
    const texts = args.map(String)
    if (!texts.some((text) => text.includes('\0')))
      return (await runProgram('redis-cli', [...cliOptions, ...texts])).trimEnd()
    // An argument of a process can't have a zero byte, so the texts are redis-cli's input, in escapes. Its exit code would not report an
    // error reply.
    const input = texts.map((text) => JSON.stringify(text).replaceAll('\\u0000', '\\x00')).join(' ')
    const reply = (await runProgram('redis-cli', cliOptions, { input: `${input}\n` })).trimEnd()
    if (/^(\(error\) )?[A-Z]+ /.test(reply)) throw new Error(`redis-server answered ${reply}`)
    return reply
  }

  return {
    port,
    url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    folder,
    certificate,
    tlsOptions,
    log,
    command,
    kill,
    isRunning: () => child !== undefined && !hasEnded(child),
    async start() {
      // Engines of the sources read the library beside them.
      await buildLibrary()
      const server = [program('redis-server'), config, ...(sentinel ? ['--sentinel'] : [])]
      // `setpriv` has the kernel kill the server when this process ends, by whatever signal.
      const launch =
        process.platform === 'linux' ? [program('setpriv'), '--pdeathsig', 'KILL', ...server] : server
      const [path = '', ...args] = launch
      child = spawn(path, args, { stdio: 'ignore' })
      const started = child
      const answers = async (): Promise<boolean> => {
        if (started.exitCode !== null) throw new Error(`redis-server ended at its start: ${log()}`)
        // A server that refuses without a password, or loads its file, answers with an error.
        return command('ping').then(
          () => true,
          (error: unknown) => /NOAUTH|NOPERM/.test(String(error)),
        )
      }
      await until('the server answers', answers)
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
  }
}

/** Starts a server that is neither watched by a Sentinel nor in a cluster. */
export const standalone = async (options: ServerOptions = {}): Promise<RedisServer> => {
  const server = await redisServer(options)
  await server.start()
  return server
}
