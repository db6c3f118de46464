// The clients of a gateway in bench/event-loop-engine.mjs, in a thread of their own: what they cost is not of the gateway's turns.
import { parentPort, workerData } from 'node:worker_threads'
import { appId, connect, openSessions, secret } from './setting.mjs'
import { createToken } from '../dist/tokens/index.js'

const { port, epoch, resumes, messages, sessions } = workerData

/** Resolves when a client that resumes from the first offset has received every message. */
const resume = (token) =>
  new Promise((resolve) => {
    let received = 0
    const socket = connect('chat-session', port, token, { resume: { key: 'gone', epoch, offset: 0 } })
    socket.on('message', (data) => {
      if (!data.includes('"type":"message"') || ++received < messages) return
      socket.terminate()
      resolve()
    })
  })

if (sessions > 0)
  await openSessions(
    'chat-session',
    port,
    Array.from({ length: sessions }, (_, index) => `client-${index}`),
  )
parentPort.postMessage('ready')
parentPort.on('message', async () => {
  const token = await createToken({ appId, userId: 'user-0', secret })
  await Promise.all(Array.from({ length: resumes }, () => resume(token)))
  parentPort.postMessage('done')
})
