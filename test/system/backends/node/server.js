// The rest of a server, around the handler and the tag of docs/BACKENDS.md.
import { createServer } from 'node:http'
import { chatTag } from './chat-tag.js'
import { chatTokenHandler } from './chat-token-handler.js'
import { chatToken } from './chat-token.js'
import { currentUser } from './current-user.js'

const pages = {
  '/chat-token': chatTokenHandler,
  '/login': (request, response) =>
    response.writeHead(302, { Location: '/', 'Set-Cookie': `user=${request.url.split('?')[1]}` }).end(),
  '/': async (request, response) => {
    const { id, name } = currentUser(request)
    response.end(`<!doctype html><meta charset="utf-8">
      <script type="module" async src="${process.env.GATEWAY}/v1/chat-session.js"></script>
      <body>${chatTag(id, await chatToken(id, { name }))}</body>`)
  },
}

createServer((request, response) => {
  const handle = pages[request.url.split('?')[0]]
  return handle ? handle(request, response) : response.writeHead(404).end()
}).listen(Number(process.env.PORT), '127.0.0.1')
