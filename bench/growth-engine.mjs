// An embedded engine with many users: node bench/growth-engine.mjs USERS [SENDS ROUND]. Without SENDS it fills the folder. Otherwise it
// opens the folder, sends SENDS messages, and sends back what that took. It is killed afterwards, so the folder is that of a crash.
/* global performance */
import { each, open } from './embedded.mjs'
import { profileCpu } from './profiler.mjs'
import { appId } from './setting.mjs'

const [users, sends, round] = process.argv.slice(2).map(Number)

const body = 'Is the blue one still there? I would come for it on Saturday.'
const rules = {
  ...{ sendWindow: 86_400_000, unknownRecipients: false, unknownSenders: true, unreadPerSender: 0.5 },
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
}

/** Resolves with the figures of the row growth. */
const measure = async () => {
  const anyone = () => `user-${Math.floor(Math.random() * users)}`
  const opensAt = performance.now()
  const engine = await open()
  const send = (n) =>
    engine.send({ appId, id: `round-${round}-${n}`, from: anyone(), to: anyone(), body }, rules)
  await send('first')
  const opened = performance.now() - opensAt
  await each(sends * 1.5, (n) => send(`warm-${n}`))
  const endProfile = process.env.BENCH_PROFILE ? await profileCpu() : undefined
  const began = performance.now()
  const { user, system } = process.cpuUsage()
  await each(sends, send)
  const cpu = process.cpuUsage({ user, system })
  const took = performance.now() - began
  const parts = await endProfile?.()
  return {
    ...(parts && { parts }),
    growth: (took * 1_000) / sends,
    'growth-cpu': (cpu.user + cpu.system) / sends,
    'growth-open': opened,
    'growth-memory': process.resourceUsage().maxRSS / 1_000,
  }
}

if (!sends) await fill()
process.send(sends ? await measure() : {})
