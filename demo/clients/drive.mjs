// Drives a ChatSession by the commands of packages/conformance/README.md: one line of JSON each, in and out.
import { createInterface } from 'node:readline'
import { ChatSession } from 'chat-session'

const report = (type, fields) => process.stdout.write(`${JSON.stringify({ type, ...fields })}\n`)

/** Reads commands until standard input ends. `WebSocket` is what sessions connect with. */
export const drive = (WebSocket) => {
  let session
  /** Answers the question for a token that is open. */
  let answer

  const start = ({ endpoint, appId, userId, token, guest, since, transports }) => {
    const tokenFetcher = () => {
      report('ask')
      return new Promise((resolve) => (answer = resolve))
    }
    const credentials = guest ? { guest } : { token, tokenFetcher }
    session = new ChatSession({
      endpoint,
      appId,
      user: { id: userId },
      since,
      transports,
      WebSocket,
      ...credentials,
    })
    session.addEventListener('state', ({ detail: { state, previous, error } }) => {
      if (state === 'ended' || state === 'failed') report('state', { state: 'over', code: error?.code })
      else if (state !== previous && state !== 'starting') report('state', { state })
    })
    session.addEventListener('message', ({ detail: { message } }) => report('message', { message }))
    session.addEventListener('unread', ({ detail: { unread } }) => report('unread', { unread }))
    session.addEventListener('error', ({ detail: { error } }) => {
      if (error.code === 'messages-lost') report('lost')
    })
    session.start()
  }

  /** Reports the outcome of a request. */
  const settle = (type, promise, fields, fieldsOf) =>
    promise.then(
      (result) => report(type === 'send' ? 'sent' : type, { ...fields, ...fieldsOf?.(result) }),
      ({ code }) => report('refused', { re: type, ...fields, code }),
    )

  const commands = {
    start,
    token: ({ token }) => answer?.(token),
    send: ({ id, to, body, data }) =>
      settle('send', session.send({ id, to, body, data }), { id }, ({ offset }) => ({ offset })),
    history: ({ id, after, before, limit }) =>
      settle('history', session.history({ after, before, limit }), { id }, (messages) => ({ messages })),
    read: ({ offset }) => settle('read', session.markRead(offset), {}),
    end: () => session.end(),
  }

  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const { type, ...fields } = JSON.parse(line)
      commands[type](fields)
    })
    .on('close', () => process.exit())
  report('ready')
}
