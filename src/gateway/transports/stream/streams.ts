import { randomBytes } from 'node:crypto'
import type { Engine } from '../../../engine/index.js'
import { isOriginAllowed } from '../../auth/admission.js'
import type { Peer } from '../../auth/authentication.js'
import type { Settings } from '../../config/parse.js'
import type { Connection } from '../../connection/connection.js'
import type { Transport } from '../../connection/transport.js'
import type { Slot } from '../../limits/connection-limits.js'
import type { Post } from './post.js'
import type { Start } from './start-body.js'
import { StreamTransport, type EventSink } from './stream-transport.js'

/** The result of a post. `refused`: the app does not list the post's origin. */
type PostResult = 'taken' | 'not-found' | 'refused'

/** The streams of a gateway. */
export type Streams = ReturnType<typeof createStreams>

interface StreamsContext {
  settings: Pick<Settings, 'apps'>
  engine: Pick<Engine, 'node' | 'askNode' | 'answerNodes'>
  connect(transport: Transport, peer: Peer, slot: Slot): Connection
  /** Aborts when the gateway is closed. */
  signal: AbortSignal
}

const ID_BYTES = 24
/** Separates the gateway's name and the secret in a stream's id. No gateway's name contains it. */
const SEPARATOR = '.'

export const createStreams = ({ settings, engine, connect, signal }: StreamsContext) => {
  const streams = new Map<string, { transport: StreamTransport; appId: string }>()

  const hand = async ({ stream, seq, frames }: Post, origin: string | null): Promise<PostResult> => {
    const found = streams.get(stream)
    if (!found) return 'not-found'
    const app = settings.apps.get(found.appId)
    if (app && !isOriginAllowed(app, origin)) return 'refused'
    return (await found.transport.take(seq, frames)) ? 'taken' : 'not-found'
  }

  engine.answerNodes((question) => {
    const { post, origin } = JSON.parse(question) as { post: Post; origin: string | null }
    return hand(post, origin)
  }, signal)

  return {
    /** Creates the connection of a stream. `evictionOf` makes the `evict` of the slot. */
    open(
      sink: EventSink,
      { text, bytes, appId }: Start,
      peer: Peer,
      slot: Slot,
      evictionOf: (connection: Connection) => Slot['evict'],
    ): StreamTransport {
      // The id contains the gateway's name, so that a post finds its gateway without a look-up.
      const id = engine.node() + SEPARATOR + randomBytes(ID_BYTES).toString('base64url')
      const transport = new StreamTransport(sink, () => streams.delete(id))
      const connection = connect(transport, peer, slot)
      streams.set(id, { transport, appId })
      transport.begin(connection, id)
      slot.evict = evictionOf(connection)
      // A refused connection ends before its `start` frame is parsed, so that it costs little.
      if (slot.refusal) slot.evict(slot.refusal)
      else connection.receive(text, bytes)
      return transport
    },
    /** Hands a post to the gateway that has its stream. Rejects with an `EngineError` if that gateway can't be asked. */
    async post(post: Post, origin: string | null): Promise<PostResult> {
      const node = post.stream.split(SEPARATOR, 1)[0] ?? ''
      if (node === engine.node() || streams.has(post.stream)) return hand(post, origin)
      const answer = await engine.askNode(node, JSON.stringify({ post, origin }))
      return (answer ?? 'not-found') as PostResult
    },
  }
}
