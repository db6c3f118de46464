import { createHash } from 'node:crypto'
import type { Engine } from '../../../src/engine/engine.js'
import { Absence } from './absence.js'
import { Backend } from './backend.js'
import { Disk } from './disk.js'
import {
  checkConverged,
  checkEmpty,
  checkEvents,
  checkMessages,
  checkReceived,
  checkUnfelt,
  unreached,
  Violation,
  wrongPresence,
} from './checks.js'
import { Losses } from './losses.js'
import { Network } from './network.js'
import { Phones } from './phones.js'
import { SharedRedis } from './shared-redis.js'
import { APP, importModules, Site } from './site.js'
import { Tab } from './tab.js'
import { Watcher } from './watcher.js'
import { createWorld, type World } from './world.js'

interface Outcome {
  /** A hash of everything that pages and the backend saw, with the times. */
  history: string
  operations: number
  /** Timers that ran. */
  steps: number
  seconds: number
  /** The rule that was broken; null if all held. */
  violation: string | null
  log: string[]
}

const SECOND = 1_000
/** When this time has passed without a fault, detached sessions have ended and clients are back. */
const HEALING = 300 * SECOND

/** What may happen in the simulation of a seed. */
const planOf = ({ random }: World, seed: number) => ({
  users: Array.from({ length: random.between(2, 6) }, (_, index) => `user-${index}`),
  tabs: random.between(2, 12),
  duration: random.between(30, 240) * SECOND,
  /** Seconds. */
  tokenLife: random.pick([15, 60, 3_600]),
  /** Milliseconds between two operations, at most. */
  pace: random.pick([50, 300, 2_000]),
  powerCuts: random.chance(0.3),
  diskFaults: random.chance(0.5),
  networkFaults: random.chance(0.8),
  crashes: random.chance(0.7),
  limits: {
    messages: random.pick([10, 40, 1_000, 1_000]),
    sessionsPerUser: random.pick([2, 20, 20]),
  },
  /** Whether users have phones. The seed says so, and no random number, so that seeds of before have the histories of before. */
  pushes: seed % 5 === 2,
  /** Whether users mark what one peer has sent as read, and whether the last pages, and their gateway, may go without a word. */
  ...{ peerMarks: [0, 1, 4].includes(seed % 7), vanishes: [0, 1, 4].includes(seed % 7) },
  /** Whether reads of the disk may fail one by one. */
  failingReads: [0, 6].includes(seed % 9),
})

/** Whether the Redis of three gateways is a cluster. */
const isCluster = (seed: number): boolean => seed % 8 === 5

/**
 * Runs one simulation, of one gateway with a disk or of three on one Redis. Call it once in a process: `createWorld` takes the process's
 * clock.
 */
export const simulate = async (seed: number, nodes = seed % 2 === 0 ? 1 : 3): Promise<Outcome> => {
  const world = createWorld(seed)
  const modules = await importModules()
  const { random } = world
  const plan = planOf(world, seed)
  // What a page was sent before it was ended is not pushed, though it may not have arrived. So pages are lost here, and not ended.
  if (plan.pushes) Object.assign(plan, { tokenLife: 3_600, limits: { ...plan.limits, sessionsPerUser: 20 } })
  const network = new Network(world)
  const tabs: Tab[] = []
  const log: string[] = []
  let operations = 0
  let tabCount = 0
  const note = (text: string): void => void log.push(`${(world.now() / SECOND).toFixed(3)} ${text}`)

  const phones = plan.pushes ? new Phones(world, modules, plan.users, note) : undefined
  const disk = new Disk(world)
  const redis = nodes === 1 ? undefined : new SharedRedis(world, modules, isCluster(seed))
  const site = new Site(world, network, modules, redis ?? disk, plan.limits, phones, note)
  const backend = new Backend(world, site, tabs, note)
  const watcher = new Watcher(world, network, plan.users, note)
  const absence = new Absence({
    ...{ world, network, site, watcher, users: plan.users },
    userOf: (owner) => tabs.find((tab) => tab.owner === owner)?.user,
  })
  /** The epochs of the users' inboxes before any failover; empty if they were not read in time. */
  let firstEpochs: string | undefined
  const epochsOf = async (engine: Engine): Promise<string> => {
    const inboxes = await Promise.all(plan.users.map((userId) => engine.inbox({ appId: APP, userId })))
    return inboxes.map(({ epoch }) => epoch).join()
  }
  site.onReady = ({ engine }) => {
    absence.restart()
    if (redis)
      epochsOf(engine).then(
        (epochs) => (firstEpochs ??= redis.histories.length === 0 ? epochs : ''),
        () => undefined,
      )
  }
  site.onEnd = () => {
    redis?.noteTrouble()
    if (redis) absence.restart()
  }

  const openTab = (): void => {
    const tab = new Tab(
      `tab-${++tabCount}`,
      random.pick(plan.users),
      plan.tokenLife,
      world,
      network,
      modules,
      note,
    )
    tabs.push(tab)
    note(`${tab.name} of ${tab.user} opens`)
  }
  const openTabs = (): Tab[] => tabs.filter(({ owner, hasEnded }) => owner.alive && !hasEnded)
  const restart = (): void =>
    world.after(random.between(10, 8_000), () => {
      note('the gateway starts')
      void site.start()
    })

  const crash = (kind: 'power' | 'process'): void => {
    if (site.running.length === 0) return
    note(`the gateway crashes: ${kind}`)
    site.crash(kind)
    restart()
  }

  const breakLine = (tab: Tab): void => {
    const { line } = tab
    const kind = random.pick(['dead up', 'dead down', 'dead', 'refused', 'slow'] as const)
    note(`the line of ${tab.name} is ${kind}`)
    if (kind === 'refused') line.refused = true
    else if (kind === 'slow') line.delay = [100, 3_000]
    else line.dead = kind === 'dead up' ? 'up' : kind === 'dead down' ? 'down' : 'both'
    world.after(random.between(100, 90_000), () => mend(tab))
  }
  const mend = ({ line }: Tab): void => {
    Object.assign(line, { delay: [1, 30], dead: 'none', refused: false })
  }
  const cut = (tab: Tab): void => {
    note(`the connection of ${tab.name} is cut`)
    for (const socket of [...network.open]) if (socket.owner === tab.owner) socket.cut()
  }
  const breakRedis = (redis: SharedRedis): void => {
    const onEnd = (): void => {
      note('Redis is well')
      absence.restart()
      // A revocation is lost with the gateway that knows of it.
      const { copiedAt = Infinity } = redis.histories.at(-1) ?? {}
      if (redis.mayHaveLost)
        for (const tab of tabs) if (tab.userRevokedAt >= copiedAt) tab.userRevokedAt = Infinity
    }
    note(`Redis: ${redis.fail(onEnd, () => crash('process'))}`)
  }
  const pause = (): void => {
    const owner = site.any()?.owner
    if (!owner) return
    const milliseconds = random.between(100, 40 * SECOND)
    note(`${owner.name} stands still for ${milliseconds} ms`)
    redis?.noteTrouble()
    world.pause(owner, milliseconds)
    world.after(milliseconds, () => redis?.noteTrouble())
  }
  const breakDisk = (): void => {
    if (plan.failingReads && random.chance(0.7)) disk.failingReads = random.pick([0.01, 0.1, 0.5])
    else disk.fault = random.pick(['not written', 'written, and reported as failed', 'hangs'] as const)
    note(`the disk: ${disk.fault}, ${disk.failingReads} of the reads fail`)
    world.after(random.between(10, 10_000), () => {
      note('the disk is well')
      disk.goOn()
      absence.restart()
    })
  }

  const breakMedium = (): void => (redis ? breakRedis(redis) : breakDisk())

  const operate = (): void => {
    operations += 1
    const open = openTabs()
    if (open.length === 0 || (open.length < plan.tabs && random.chance(0.1))) return openTab()
    const tab = random.pick(open)
    const dice = random.next()
    if (dice < 0.48) for (let n = random.between(1, 3); n > 0; n--) tab.send(random.pick(plan.users))
    else if (dice < 0.55)
      backend.send(random.chance(0.5) ? null : random.pick(plan.users), random.pick(plan.users))
    else if (dice < 0.7) tab.markRead(plan.peerMarks && random.chance(0.5))
    else if (plan.pushes && (dice < 0.76 || (dice >= 0.79 && dice < 0.81))) tab.send(random.pick(plan.users))
    else if (dice < 0.705) backend.revokeToken(tab)
    else if (dice < 0.715) backend.endSession(tab)
    else if (dice < 0.72) backend.liftRevocation(tab.user)
    else if (dice < 0.76) {
      note(`${tab.name} ends`)
      tab.end()
    } else if (dice < 0.79) {
      note(`${tab.name} crashes`)
      tab.crash()
    } else if (dice < 0.81) backend.revokeUser(random.pick(plan.users), random.chance(0.5) ? 'end' : 'reauth')
    else if (dice < 0.88 && plan.networkFaults) (random.chance(0.5) ? cut : breakLine)(tab)
    else if (dice < 0.9 && (plan.diskFaults || plan.failingReads)) breakMedium()
    else if (dice < 0.92 && plan.crashes) crash(plan.powerCuts && random.chance(0.5) ? 'power' : 'process')
    else if (dice < 0.925 && site.running.length > 0) {
      note('the gateway is closed')
      void site.close().then(restart)
    } else if (dice >= 0.935) backend.rename(random.pick(plan.users))
    else if (redis && plan.crashes) pause()
  }
  const operateOnAndOn = (end: number): void => {
    if (world.now() >= end) return
    operate()
    world.after(random.between(0, plan.pace), () => operateOnAndOn(end))
  }

  /** Checks the rules that must hold at every moment. */
  const observe = (): void => {
    for (const tab of tabs) checkReceived(tab)
    const [late] = absence.violations
    if (late !== undefined) throw new Violation(late)
    const error = site.errors[0]
    if (error) throw new Violation(`The gateway logged an error: ${error}`)
  }

  /** Awaits the engine while the simulation goes on. */
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    const owner = site.any()?.owner
    let result: { value: T } | { error: unknown } | undefined
    const asking = owner && world.as(owner, question)
    if (!asking) throw new Violation('No gateway runs.')
    asking.then(
      (value) => (result = { value }),
      (error: unknown) => (result = { error }),
    )
    await world.run(60 * SECOND, () => result !== undefined)
    if (!result) throw new Violation('The engine did not answer within a minute.')
    if ('error' in result) throw result.error
    return result.value
  }

  /** What failovers may have cost: nothing if the epochs are those of the begin. */
  const lossesOf = async (engine: Engine): Promise<Losses> => {
    if (!redis || (await ask(() => epochsOf(engine))) === firstEpochs) return new Losses([])
    if (firstEpochs && !redis.mayHaveLost)
      throw new Violation('Inboxes began another epoch, though every gateway was well.')
    return new Losses(redis.histories, isCluster(seed))
  }

  /** The engines of all gateways. */
  const enginesOf = (): [Engine, ...Engine[]] => {
    const [first, ...others] = site.running.map(({ engine }) => engine)
    if (!first || others.length + 1 < nodes) throw new Violation('No gateway runs, or too few do.')
    return [first, ...others]
  }

  /** A change takes a moment to reach the watcher. */
  const checkWatcher = async (engine: Engine): Promise<void> => {
    for (let tries = 0; tries < 3; tries++) {
      await world.run(2 * SECOND)
      if ((await ask(() => wrongPresence(engine, plan.users, watcher))) === undefined) return
    }
    throw new Violation(
      (await ask(() => wrongPresence(engine, plan.users, watcher))) ?? 'The watcher is late.',
    )
  }

  /** A page that was lost without a word, or by a closing gateway, is waited for. A push that has failed is tried again later. */
  const checkPhones = async (engine: Engine, phones: Phones): Promise<void> => {
    for (let tries = 0; tries < 60; tries++) {
      await world.run(5 * SECOND)
      if ((await ask(() => unreached(engine, plan.users, tabs, phones))) === undefined) return
    }
    throw new Violation((await ask(() => unreached(engine, plan.users, tabs, phones))) ?? 'A phone is late.')
  }

  const run = async (): Promise<void> => {
    note(JSON.stringify(plan))
    site.startAll()
    operateOnAndOn(plan.duration)
    for (let at = 0; at < plan.duration; at += SECOND) {
      await world.run(SECOND)
      observe()
      for (const tab of openTabs()) {
        const { state } = tab.session
        if (state === 'ended' || state === 'failed') {
          tab.end()
        }
      }
    }
    note('all is well from now on')
    for (const tab of tabs) mend(tab)
    site.medium.goOn()
    absence.restart()
    if (phones) phones.isIll = false
    // A page whose connection died without a word notices within two ping intervals.
    await world.run(20 * SECOND)
    site.startAll()
    await world.run(60 * SECOND)
    const isSettled = (): boolean =>
      watcher.isWatching &&
      openTabs().every(
        ({ session, sent }) =>
          session.state === 'ended' ||
          session.state === 'failed' ||
          (session.state === 'active' && sent.every(({ outcome }) => outcome !== 'open')),
      ) &&
      backend.sent.every(({ outcome }) => outcome !== 'open')
    if (!(await world.run(HEALING, isSettled)))
      throw new Violation(
        `Not settled: ${openTabs()
          .map(
            ({ name, session, sent }) =>
              `${name} ${session.state} ${sent.filter(({ outcome }) => outcome === 'open').length}`,
          )
          .join(', ')}.`,
      )
    await world.run(5 * SECOND)
    observe()
    const engines = enginesOf()
    const live = openTabs().filter(({ session }) => session.state === 'active')
    const losses = await lossesOf(engines[0])
    if (redis && !losses.any) await ask(() => checkUnfelt(engines[0], plan.users, tabs))
    for (const engine of engines) {
      await ask(() => checkMessages(engine, plan.users, tabs, backend, losses))
      await ask(() => checkConverged(engine, plan.users, live, backend, losses))
      await checkWatcher(engine)
    }
    if (phones) await checkPhones(engines[0], phones)
    for (const tab of openTabs())
      if (plan.vanishes && random.chance(0.6)) tab.crash()
      else tab.end()
    if (plan.vanishes && random.chance(0.4)) world.after(random.between(0, 30_000), () => crash('process'))
    await world.run(HEALING)
    observe()
    const [last, ...others] = enginesOf()
    for (const engine of [last, ...others]) {
      await ask(() => checkEmpty(engine, plan.users))
      await checkWatcher(engine)
    }
    watcher.end()
    await world.run(5 * SECOND)
    for (let minutes = 0; (await ask(() => last.pendingSummary(APP))).pending > 0; minutes++) {
      if (minutes > 300) throw new Violation('The backend was not sent every event within five hours.')
      await world.run(60 * SECOND)
    }
    checkEvents(site, redis ? redis.hasForgotten : plan.powerCuts)
    void site.closeForGood()
    await world.run(60 * SECOND)
    const left = world.timersLeft()
    if (left.length > 0) throw new Violation(`Timers are left: ${left[0]}`)
    if (network.open.size > 0)
      throw new Violation(`Sockets are left: ${[...network.open].map(String).join(', ')}.`)
  }

  let violation: string | null = null
  try {
    await run()
  } catch (error) {
    if (!(error instanceof Violation)) note(String((error as Error).stack))
    violation = error instanceof Violation ? error.message : ((error as Error).stack ?? String(error))
  }
  const history = createHash('sha256')
    .update(
      JSON.stringify([
        log,
        tabs.map(({ sent, received }) => [sent, received]),
        backend.sent,
        site.delivered,
        violation,
      ]),
    )
    .digest('hex')
  note(`${absence.checks} times a user was found offline in time`)
  return { history, operations, steps: world.steps(), seconds: world.now() / SECOND, violation, log }
}
