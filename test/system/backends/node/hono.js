import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { html } from 'hono/html'
import { GET } from './app/chat-token/route.js'
import { chatTokenRoute } from './chat-token-route.js'
import { currentUser } from './current-user.js'
import { ChatTag } from './jsx-tag.js'

const app = new Hono()
app.get('/chat-token', process.argv[2] === 'next' ? ({ req }) => GET(req.raw) : chatTokenRoute)
app.get('/login', (context) => {
  context.header('Set-Cookie', `user=${context.req.url.split('?')[1]}`)
  return context.redirect('/')
})
app.get('/', async (context) =>
  context.html(
    html`<!doctype html>
      <meta charset="utf-8" />
      <script type="module" async src="${process.env.GATEWAY}/v1/chat-session.js"></script>
      <body>
        ${await ChatTag({ user: await currentUser(context.req.raw) })}
      </body>`,
  ),
)
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' })
