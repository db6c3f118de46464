// Calls the functions of chat-calls.js: a line of standard input has a name and arguments, the line printed for it the answer or the error.
import { createInterface } from 'node:readline'
import { RestError } from 'chat-session/rest'
import * as calls from './chat-calls.js'
import { chatMaySend } from './chat-may-send.js'
import { chatPage } from './chat-page.js'

const maySend = (headers, body) => chatMaySend(headers, Buffer.from(body))

for await (const line of createInterface({ input: process.stdin })) {
  const [name, parameters] = JSON.parse(line)
  let result
  try {
    result = { answer: (await { ...calls, chatPage, maySend }[name](...parameters)) ?? null }
  } catch (error) {
    const { message, status, code } = error
    result = { error: error instanceof RestError ? { message, status, code } : { message } }
  }
  console.log(JSON.stringify(result))
}
