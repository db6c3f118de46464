// An embedded engine with many users in a process of its own: node bench/growth-engine.mjs USERS. Sends `{ ready: true }` when its folder is
// filled. On each `{ sends }` it opens the folder again, sends so many messages and sends back what that took.
/* global performance */
import { each, open } from './embedded.mjs'
import { appId } from './setting.mjs'

const users = Number(process.argv[2])

const body = 'Is the blue one still there? I would come for it on Saturday.'
const rules = {
  ...{ sendWindow: 86_400_000, unknownRecipients: false, unreadPerSender: 0.5 },
  retention: { messages: 1_000, age: 2_592_000_000, bytes: 2 ** 24 },
  quota: { inboxes: 2 ** 30, bytes: 2 ** 40 },
}

/** Every user has a profile, and a message in the inbox. */
const fill = async () => {
  const engine = await open()
  await each(users, (n) =>
    engine.saveUser({ appId, userId: `user-${n}` }, { claimed: { name: `User ${n}` } }),
  )
  await each(users / 2, (n) =>
    engine.send({ appId, id: 'first', from: `user-${2 * n}`, to: `user-${2 * n + 1}`, body }, rules),
  )
  await engine.close()
}

let round = 0
const measure = async (sends) => {
  const prefix = `round-${round++}`
  const anyone = () => `user-${Math.floor(Math.random() * users)}`
  const opensAt = performance.now()
  const engine = await open()
  const send = (n) => engine.send({ appId, id: `${prefix}-${n}`, from: anyone(), to: anyone(), body }, rules)
  await send('first')
  const opened = performance.now() - opensAt
  await each(sends / 2, (n) => send(`warm-${n}`))
  const began = performance.now()
  const { user, system } = process.cpuUsage()
  await each(sends, send)
  const cpu = process.cpuUsage({ user, system })
  const took = performance.now() - began
  await engine.close()
  return {
    growth: (took * 1_000) / sends,
    'growth-cpu': (cpu.user + cpu.system) / sends,
    'growth-open': opened,
  }
}

await fill()
process.on('message', async ({ sends }) => process.send(await measure(sends)))
process.on('disconnect', () => process.exit())
process.send({ ready: true })
