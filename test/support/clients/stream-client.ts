// Clients of the event stream that use only docs/PROTOCOL.md and none of this project's client code.
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as requestTls } from 'node:https'
import { text as bodyOf } from 'node:stream/consumers'
import { after } from 'node:test'
import { within, type Frame } from '../raw-client.js'

const opened = new Set<() => void>()
// If a test fails, an open connection would keep the process of its file running.
after(() => {
  for (const cut of opened) cut()
})

interface HttpAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

interface RequestOptions {
  method?: string
  headers?: Record<string, string>
  localAddress?: string
  /** The certificate that signed that of an https: address. */
  ca?: Buffer
}

const agentOf = (url: string, keepAlive = false): Agent =>
  url.startsWith('https:') ? new TlsAgent({ keepAlive }) : new Agent({ keepAlive })

const send = (
  url: string,
  body: string | Buffer,
  { method = 'POST', headers = {}, localAddress, ca }: RequestOptions,
  agent: Agent,
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const type = { 'content-type': 'text/plain;charset=UTF-8' }
    const options = { method, agent, localAddress, headers: { ...type, ...headers } }
    const asked = url.startsWith('https:')
      ? requestTls(url, { ...options, ca }, resolve)
      : request(url, options, resolve)
    opened.add(() => asked.destroy())
    asked.on('error', reject)
    asked.end(body)
  })

/** Sends a request on a connection of its own, and resolves with its whole answer. */
export const ask = async (
  url: string,
  body: unknown,
  options: RequestOptions = {},
  agent = agentOf(url),
): Promise<HttpAnswer> => {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const response = await send(url, text, options, agent)
  return { status: response.statusCode ?? 0, headers: response.headers, body: await bodyOf(response) }
}

interface StreamOptions extends RequestOptions {
  /** Whether it answers `started` and `ping` frames. @default true */
  pongs?: boolean
  /** Where its posts go. @default where the stream is */
  postsTo?: string
}

/** One stream to a gateway. It queues frames until `next` returns them. */
interface StreamClient {
  /** The answer's headers. */
  readonly headers: IncomingHttpHeaders
  readonly response: IncomingMessage
  /** The bytes so far. */
  text(): string
  /** The id of the first event. */
  readonly id: string
  /** Every frame so far, but `stream`. */
  readonly frames: readonly Frame[]
  /** Posts frames with the next `seq`, one post at a time. */
  send(...frames: Frame[]): Promise<HttpAnswer>
  /** Posts a body. */
  post(body: unknown, options?: RequestOptions): Promise<HttpAnswer>
  /** Resolves with the next frame that is no `ping`. With `type`, it skips frames of other types. */
  next(type?: string): Promise<Frame>
  /** Resolves with the code of the `close` event; null if the stream ended without one. */
  readonly closed: Promise<number | null>
  /** Resolves with the `ended` frame and the code of the close event. */
  end(): Promise<{ frame: Frame; code: number | null }>
  /** Leaves without a word. */
  cut(): void
}

/** Opens a stream. Resolves when it has its id. */
export const openStream = async (
  url: string,
  start: unknown,
  { pongs = true, postsTo = url, ...options }: StreamOptions = {},
): Promise<StreamClient> => {
  const agent = agentOf(url, true)
  const response = await within(
    send(
      `${url}/v1/session/stream`,
      typeof start === 'string' ? start : JSON.stringify(start),
      options,
      agentOf(url),
    ),
    'answer',
  )
  if (response.statusCode !== 200)
    throw new Error(`The stream was answered with ${response.statusCode} ${await bodyOf(response)}.`)
  let text = ''
  let rest = ''
  const frames: Frame[] = []
  const waiting: Frame[] = []
  let code: number | null = null
  let isClosed = false
  let id = ''
  let seq = 0
  let posts: Promise<unknown> = Promise.resolve()

  const post = (body: unknown, more: RequestOptions = {}): Promise<HttpAnswer> =>
    ask(`${postsTo}/v1/session/frames`, body, { ...options, ...more }, agent)
  const sendFrames = (...sent: Frame[]): Promise<HttpAnswer> => {
    const posted = posts.then(() => post({ stream: id, seq: ++seq, frames: sent }))
    posts = posted.catch(() => undefined)
    return posted
  }

  const receive = (frame: Frame): void => {
    if (frame.type === 'stream') id = String(frame['id'])
    else if (frame.type === 'close') code = Number(frame['code'])
    else {
      frames.push(frame)
      if (pongs && (frame.type === 'ping' || frame.type === 'started'))
        sendFrames({ type: 'pong' }).catch(() => undefined)
      if (frame.type !== 'ping') waiting.push(frame)
    }
  }

  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    text += chunk
    const events = (rest + chunk).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events)
      if (event.startsWith('data: ')) receive(JSON.parse(event.slice('data: '.length)) as Frame)
  })
  // A cut stream ends with an error.
  response.on('error', () => undefined)
  const closed = new Promise<number | null>((resolve) =>
    response.once('close', () => {
      isClosed = true
      resolve(code)
    }),
  )
  /** Resolves when more of the stream has come, or when it has closed. */
  const change = (): Promise<unknown> =>
    Promise.race([new Promise((resolve) => response.once('data', resolve)), closed])

  const find = async (type?: string): Promise<Frame> => {
    for (;;) {
      const frame = waiting.shift()
      if (frame && (type === undefined || frame.type === type)) return frame
      if (frame) continue
      if (isClosed) throw new Error(`The stream closed with ${code}.`)
      await change()
    }
  }
  const hasId = async (): Promise<void> => {
    while (id === '' && !isClosed) await change()
  }
  await within(hasId(), 'id')

  return {
    headers: response.headers,
    response,
    text: () => text,
    id,
    frames,
    send: sendFrames,
    post,
    next: (type) => within(find(type), type ?? 'frame'),
    closed,
    async end() {
      await within(closed, 'close')
      const frame = frames.find(({ type }) => type === 'ended')
      if (!frame) throw new Error(`It closed with ${code} and no 'ended' frame.`)
      return { frame, code }
    },
    cut: () => response.destroy(),
  }
}

/** Opens a stream. Resolves when its session has started. */
export const startStream = async (
  url: string,
  start: unknown,
  options: StreamOptions = {},
): Promise<StreamClient & { started: Frame }> => {
  const stream = await openStream(url, start, options)
  return { ...stream, started: await stream.next('started') }
}
