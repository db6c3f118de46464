import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { object, parseObject } from '../../../src/protocol/internal.js'
import { createConnection, type Connection } from './connection.js'
import type { Watch } from './watch.js'

/**
 * The answer to a post: a status, or a fault. `taken`: the gateway takes the frames, but sends no answer. `lost`: the post does not arrive.
 */
export type PostAnswer = 204 | 404 | 503 | 'taken' | 'lost'

/** Milliseconds until a post is answered. A second post in this time shows that the client does not wait for the answer. */
const ANSWER_TIME = 20
/** The most bytes of a post (docs/PROTOCOL.md). */
const MAX_BODY = 131_072

interface Options {
  watch: Watch
  begun: (connection: Connection) => void
  isRefused: () => boolean
  answerPost: (seq: number) => PostAnswer
}

interface Stream {
  take(text: string): void
  /** The body of the newest post whose frames were taken. `seq` is the number of that post. */
  taken: string
  seq: number
  isPosting: boolean
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= MAX_BODY) chunks.push(chunk)
  }
  return bytes <= MAX_BODY ? Buffer.concat(chunks).toString() : ''
}

/** Answers the requests that open event streams, and the posts to these streams. */
export const createStreamServer = ({ watch, begun, isRefused, answerPost }: Options): RequestListener => {
  const streams = new Map<string, Stream>()

  const open = (body: string, response: ServerResponse): void => {
    if (isRefused()) return void response.writeHead(503).end()
    const id = randomUUID()
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(`:${' '.repeat(4_096)}\n\n`)
    const event = (text: string): void => void response.write(`data: ${text}\n\n`)
    const takeFrame = createConnection(
      {
        kind: 'stream',
        response,
        write: event,
        close(code) {
          event(JSON.stringify({ type: 'close', code }))
          streams.delete(id)
          response.end()
        },
        cut() {
          streams.delete(id)
          response.destroy()
        },
      },
      watch,
      begun,
    )
    streams.set(id, { take: takeFrame, taken: '', seq: 0, isPosting: false })
    event(JSON.stringify({ type: 'stream', id }))
    takeFrame(body)
  }

  /** Takes the frames of a post, unless the client repeats the post. Returns whether a gateway would accept the post. */
  const take = (stream: Stream, body: string): boolean => {
    const { seq, frames } = parseObject(body) ?? {}
    if (seq === stream.seq) {
      if (body !== stream.taken) watch.fail(`The client repeated post ${stream.seq} with another body.`)
      return body === stream.taken
    }
    if (seq !== stream.seq + 1) {
      watch.fail(`The client sent post ${String(seq)} after post ${stream.seq}.`)
      return false
    }
    if (!Array.isArray(frames) || frames.length < 1 || frames.length > 16) {
      watch.fail('The client sent a post that does not have 1 to 16 frames.')
      return false
    }
    stream.seq = seq
    stream.taken = body
    for (const frame of frames as unknown[])
      if (!object(frame) || frame['type'] !== 'close') stream.take(JSON.stringify(frame))
    return true
  }

  const post = async (body: string, response: ServerResponse): Promise<void> => {
    const { stream: id, seq } = parseObject(body) ?? {}
    const stream = streams.get(String(id))
    if (!stream) return void response.writeHead(404).end()
    if (stream.isPosting) return watch.fail('The client sent two posts of a stream at the same time.')
    stream.isPosting = true
    await wait(ANSWER_TIME)
    stream.isPosting = false
    const answer = answerPost(Number(seq))
    if (answer === 404) streams.delete(String(id))
    const isTaken = (answer === 204 || answer === 'taken') && take(stream, body)
    if (typeof answer === 'string') return void response.destroy()
    response.writeHead(answer === 204 && !isTaken ? 400 : answer).end()
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method, url, headers } = request
    const isStream = url === '/v1/session/stream'
    if (method !== 'POST' || (!isStream && url !== '/v1/session/frames'))
      return void response.writeHead(404).end()
    const body = await readBody(request)
    if (!/^text\/plain\b/i.test(headers['content-type'] ?? ''))
      watch.fail(`The client posted ${String(headers['content-type'])}, not text/plain.`)
    if (isStream) open(body, response)
    else await post(body, response)
  }

  return (request, response) => {
    // A client may close its connection before it has sent the whole body.
    answer(request, response).catch(() => response.destroy())
  }
}
