// The pages of a site around the handler and the tag of docs/backends/node.md.
import { chatTag } from './chat-tag.js'
import { chatToken } from './chat-token.js'
import { currentUser } from './current-user.js'

export const logIn = (request, response) =>
  response.writeHead(302, { Location: '/', 'Set-Cookie': `user=${request.url.split('?')[1]}` }).end()

export const home = async (request, response) => {
  const { id, name } = await currentUser(request)
  response.end(`<!doctype html><meta charset="utf-8">
    <script type="module" async src="${process.env.GATEWAY}/v1/chat-session.js"></script>
    <body>${chatTag(id, await chatToken(id, { name }))}</body>`)
}
