// A gateway for tests of the frames that a client sends. It has only resumption by key, and records the frames.
import { createServer } from 'node:http'
import { decodeJwt } from 'jose'
import { WebSocketServer } from 'ws'

/** Returns the user whom a token names; undefined if it is no JWT. The token of a guest is no JWT here. */
const subjectOf = (token) => (token?.split('.').length === 3 ? decodeJwt(token).sub : undefined)

/** Starts it. Resolves with its address, the record of its connections, and functions that control it. */
export const startScripted = async () => {
  const http = createServer((_request, response) => response.writeHead(426).end())
  const server = new WebSocketServer({ server: http, handleProtocols: () => 'chat-session.v1' })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve))
  const keys = new Map()
  const connections = []
  let mute = false
  server.on('connection', (socket, { headers }) => {
    const record = { start: null, frames: [], close: null }
    connections.push(record)
    const send = (frame) => socket.send(JSON.stringify(frame))
    const begin = (start) => {
      record.start = start
      const resumed = keys.has(start.resume?.key)
      const sessionId = keys.get(start.resume?.key) ?? `s${connections.length}`
      const guestId = start.token?.startsWith('guest:') ? start.token : `guest:${connections.length}`
      const userId = start.userId ?? subjectOf(start.token)
      const guest = !userId
      keys.set(`k${connections.length}`, sessionId)
      send({
        type: 'started',
        sessionId,
        user: { id: guest ? guestId : userId },
        guest,
        resumed,
        resumeKey: `k${connections.length}`,
        resumeWindow: 120_000,
        epoch: 'e',
        offset: 0,
        lost: false,
        unread: 0,
        expiresIn: null,
        pingInterval: 25_000,
        sendWindow: 3_600_000,
        ...(guest && { token: guestId }),
        // The app's id says which key the app has.
        ...(start.appId?.startsWith('push-') && { can: ['push'], pushKey: start.appId.slice(5).repeat(87) }),
      })
    }
    socket.on('message', (data) => {
      const frame = JSON.parse(data)
      if (frame.type === 'start') return begin(frame)
      record.frames.push(frame)
      if (frame.type === 'end') socket.close(1000)
      if (frame.type === 'push' && frame.subscription?.endpoint.endsWith('/refused'))
        send({ type: 'refused', re: 'push', code: 'refused', message: 'No.', retryable: false })
      // Refused for now: the next connection may have it.
      if (frame.type === 'push' && frame.subscription?.endpoint.endsWith('/busy') && !record.start.resume)
        send({ type: 'refused', re: 'push', code: 'unavailable', message: 'Later.', retryable: true })
      if (frame.type === 'history' && !mute) send({ type: 'history', id: frame.id, messages: [] })
    })
    socket.on('close', (code) => (record.close = code))
    const offered = headers['sec-websocket-protocol'].split(/,\s*/).find((name) => name.startsWith('start.'))
    if (offered) begin(JSON.parse(Buffer.from(offered.slice(6), 'base64url')))
  })
  /** Ends every connection with an `ended` frame of these fields, and a close code. */
  const end = (fields, close) => {
    for (const client of server.clients) {
      client.send(JSON.stringify({ type: 'ended', ...fields }))
      client.close(close)
    }
  }
  const cut = () => {
    for (const client of server.clients) client.terminate()
  }
  return {
    url: `http://127.0.0.1:${http.address().port}`,
    connections,
    setMute: () => (mute = true),
    /** Ends every connection with a `retryAfter` of a minute. */
    sendAway: () =>
      end({ code: 'unavailable', message: 'Later.', retryable: true, retryAfter: 60_000 }, 4503),
    end,
    cut,
    close() {
      cut()
      return new Promise((resolve) => {
        http.close(resolve)
        // Chromium also opens sockets that it has no request for yet, and `close` would wait for these.
        http.closeAllConnections()
      })
    },
  }
}
