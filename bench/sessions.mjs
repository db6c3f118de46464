// Sessions of clients that reconnect, of the project and of a rival, with the same methods and events: `message`, and `attempt` when a
// connection is begun, with a promise of whether the server answers its start with `started`.
import { EventEmitter } from 'node:events'
import { WebSocket } from 'ws'
import { appId, AT_ONCE, connect, tokenOf } from './setting.mjs'

/** Milliseconds before a `ws` client tries again after a connection that failed. */
const RETRY = 100

/** Resolves when the first frame is there or the connection is closed: true if that frame is `started`. */
const isStarted = (socket) =>
  new Promise((resolve) => {
    socket.once('message', (data) => resolve(data.includes('"type":"started"')))
    socket.once('close', () => resolve(false))
  })

class OwnSession extends EventEmitter {
  #session
  #socket

  /** `ChatSession` is that of dist/. */
  constructor(port, token, ChatSession) {
    super()
    const keep = (socket) => {
      this.#socket = socket
      this.emit('attempt', isStarted(socket))
    }
    class KnownSocket extends WebSocket {
      constructor(url, protocols) {
        super(url, protocols)
        keep(this)
      }
    }
    this.#session = new ChatSession({
      ...{ endpoint: `http://127.0.0.1:${port}`, appId, token, WebSocket: KnownSocket },
    })
    this.#session.addEventListener('message', ({ detail }) => this.emit('message', detail.message))
  }

  get isActive() {
    return this.#session.state === 'active'
  }

  async start() {
    const { succeeded, error } = await this.#session.start()
    if (!succeeded) throw error
  }

  send(to, id, body) {
    // Of a message that waits when the session is ended here, nothing follows.
    this.#session.send({ to, id, body }).catch((error) => {
      if (error.code !== 'ended') this.emit('error', error)
    })
  }

  cut() {
    this.#socket.terminate()
  }

  end() {
    return this.#session.end()
  }
}

/** A client as a team would write first: it connects again at once, and sends on whatever connection there is. */
class BareSession extends EventEmitter {
  isActive = false
  #socket
  #timer
  #isEnded = false

  constructor(port, token, name) {
    super()
    this.open = () => {
      this.#socket = connect(name, port, token)
      this.emit('attempt', isStarted(this.#socket))
      this.#socket.on('message', (data) => {
        const frame = JSON.parse(data.toString())
        if (frame.type === 'started') {
          this.isActive = true
          this.emit('started')
        } else if (frame.type === 'message') this.emit('message', frame)
      })
      // The close follows.
      this.#socket.on('error', () => undefined)
      this.#socket.on('close', () => {
        const wasActive = this.isActive
        this.isActive = false
        if (!this.#isEnded) this.#timer = setTimeout(this.open, wasActive ? 0 : RETRY)
      })
    }
  }

  async start() {
    this.open()
    await new Promise((resolve) => this.once('started', resolve))
  }

  send(to, id, body) {
    if (this.isActive) this.#socket.send(JSON.stringify({ type: 'send', id, to, body }))
  }

  cut() {
    this.#socket.terminate()
  }

  end() {
    this.#isEnded = true
    clearTimeout(this.#timer)
    this.#socket.terminate()
  }
}

/** Starts sessions of these users, some at a time, with a server of this name. */
export const startSessions = async (name, port, userIds) => {
  const { ChatSession } = await import('../dist/session/index.js')
  const isOwn = name.startsWith('chat-session') && !name.endsWith(AT_ONCE)
  const sessionOf = (token) =>
    isOwn ? new OwnSession(port, token, ChatSession) : new BareSession(port, token, name)
  const sessions = []
  for (const userId of userIds) sessions.push(sessionOf(await tokenOf(userId)))
  for (let index = 0; index < sessions.length; index += 50)
    await Promise.all(sessions.slice(index, index + 50).map((session) => session.start()))
  return sessions
}
