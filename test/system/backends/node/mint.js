import { chatSignature } from './chat-signature.js'
import { chatToken } from './chat-token.js'

const args = process.argv.slice(2)
for (let i = 0; i < args.length; i += 2) {
  const id = /^[1-9]\d*$/.test(args[i]) ? Number(args[i]) : args[i]
  const name = args[i + 1]
  console.log(
    await chatToken(id, name ? { name: name === 'null' ? null : name } : undefined),
    await chatSignature(id),
  )
}
