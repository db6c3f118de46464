import { createServer } from 'node:http'
import { chatTokenHandler } from './chat-token-handler.js'
import { home, logIn } from './site.js'

const pages = { '/chat-token': chatTokenHandler, '/login': logIn, '/': home }

createServer((request, response) => {
  const handle = pages[request.url.split('?')[0]]
  return handle ? handle(request, response) : response.writeHead(404).end()
}).listen(Number(process.env.PORT), '127.0.0.1')
