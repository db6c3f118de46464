import Fastify from 'fastify'
import { chatTokenPlugin } from './chat-token-plugin.js'
import { home, logIn } from './site.js'

const app = Fastify()
app.register(chatTokenPlugin)
for (const [path, handle] of [
  ['/login', logIn],
  ['/', home],
])
  app.get(path, (request, reply) => {
    reply.hijack()
    return handle(request.raw, reply.raw)
  })
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
