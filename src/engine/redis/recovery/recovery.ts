import type { UserRef } from '../../engine.js'
import { EngineError } from '../../errors.js'
import { userKey } from '../../user-key.js'
import type { AttachedUsers } from '../messages/attached-users.js'
import type { Leases } from '../nodes/leases.js'
import type { Watches } from '../sessions/watches.js'
import type { StepRunner } from '../step-runner.js'
import type { CarriedSessions } from './carried-sessions.js'
import type { RecentCalls } from './recent-calls.js'
import type { RestoredSessions } from './restored-sessions.js'
import type { History, Settlement } from './settlement.js'
import type { UserStates } from './user-states.js'

/** How many users of a partition are listed at once. Between two such groups other calls of this node run. */
const USERS_PER_STEP = 100
/** In how many partitions users are listed or compared at once. */
const PARTITIONS_PER_STEP = 64

export interface RecoveryOptions {
  runner: StepRunner
  restored: RestoredSessions
  attached: AttachedUsers
  carried: CarriedSessions
  states: UserStates
  settlement: Settlement
  calls: RecentCalls
  leases: Leases
  watches: Watches
  onError: (error: unknown) => void
}

/**
 * What this node does when a replica has become the master, or Redis was restarted or restored. The new master may lack changes that the
 * old master has acknowledged. `Settlement` stores messages again, and decides with the other nodes whether the epochs stay. This class
 * makes the node's changes of sessions again, and compares its users' epochs. Then it detaches those sessions in Redis whose connection or
 * node does not exist.
 */
export class Recovery {
  readonly #options: RecoveryOptions
  /** For each server, the history for which the last recovery was done. */
  readonly #done = new Map<number, History>()
  /** The servers for which the recovery is due. */
  readonly #due = new Set<number>()
  #isCheckDue = false
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /** Notes the present histories, and returns them. Called before there are sessions. */
  async open(): Promise<Map<number, History>> {
    const histories = await this.#options.settlement.read(this.#options.runner.servers)
    for (const [server, history] of histories) this.#done.set(server, history)
    return histories
  }

  /** Called when the history of a partition's server has another number. */
  begin(partition: number): void {
    const server = this.#options.runner.serverOf(partition)
    void this.#options.settlement.begin(server)
    this.#due.add(server)
    this.run()
  }

  /** Called when this node has perhaps missed events, for example that a history has changed. */
  check(): void {
    this.#isCheckDue = true
    this.run()
  }

  /** Resolves when the recovery is done for the present history of a partition. Rejects if it fails. */
  async catchUp(partition: number): Promise<void> {
    const server = this.#options.runner.serverOf(partition)
    const isCaughtUp = async (): Promise<boolean> => (await this.#findChanged([server])).length === 0
    if (await isCaughtUp()) return
    this.begin(server)
    await this.#running
    if (!(await isCaughtUp()))
      throw new EngineError('unavailable', 'What a failover has lost is not made again.')
  }

  /** Recovers the servers that are due. If the recovery of a server fails, the next call tries it again. */
  run(): void {
    if (this.#isStopped || this.#running || !this.#isDue) return
    this.#running = this.#runDue()
      .catch(this.#options.onError)
      .finally(() => (this.#running = undefined))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  get #isDue(): boolean {
    return this.#isCheckDue || this.#due.size > 0
  }

  async #runDue(): Promise<void> {
    const { runner, attached, carried, states, watches } = this.#options
    while (this.#isDue && !this.#isStopped) {
      const isCheck = this.#isCheckDue
      this.#isCheckDue = false
      const servers = [...this.#due]
      this.#due.clear()
      try {
        if (isCheck) servers.push(...(await this.#findChanged(runner.servers)))
        await this.#recover([...new Set(servers)])
        if (!isCheck) continue
        await attached.compare(attached.users())
        await carried.compare(attached.users(), 'unavailable')
        await watches.renew()
        await states.compare()
      } catch (error) {
        this.#isCheckDue ||= isCheck
        for (const server of servers) this.#due.add(server)
        throw error
      }
    }
  }

  /** Returns those of some servers whose history or generation has changed since the last recovery. */
  async #findChanged(servers: readonly number[]): Promise<number[]> {
    const histories = await this.#options.settlement.read(servers)
    return servers.filter((server) => {
      const [done, present] = [this.#done.get(server), histories.get(server)]
      return done?.number !== present?.number || done?.generation !== present?.generation
    })
  }

  async #recover(servers: readonly number[]): Promise<void> {
    if (servers.length === 0) return
    const { runner, attached, leases, watches, settlement, calls, restored } = this.#options
    await Promise.all(servers.map((server) => settlement.begin(server)))
    const histories = await settlement.read(servers)
    const numbers = new Map([...histories].map(([server, { number }]) => [server, number]))
    const concerned = new Set(servers)
    const partitions = runner.isCluster ? servers : runner.partitions.all
    const errors: unknown[] = []
    const note = (error: unknown): void => void errors.push(error)
    // This comes first: gateways close the connections whose epochs have changed, and their clients then resume the restored sessions.
    await restored.restore(numbers).catch(note)
    await attached.compare(attached.usersOn(concerned)).catch(note)
    const times = new Map([...histories].map(([server, { wholeUntil }]) => [server, wholeUntil]))
    await calls.repeat(times, true).catch(note)
    await this.#compareCarried(concerned, partitions).catch(note)
    await leases.detachUnknown(partitions).catch(note)
    await watches.renew(concerned).catch(note)
    if (errors.length > 0) throw errors[0]
    for (const [server, history] of histories) this.#done.set(server, history)
  }

  /** Runs `carried.compare` for the users whom Redis has as attached to this node, and for the others whom this node has as attached. */
  async #compareCarried(servers: ReadonlySet<number>, partitions: readonly number[]): Promise<void> {
    const { carried, attached } = this.#options
    const seen = new Set<string>()
    for (let n = 0; n < partitions.length && !this.#isStopped; n += PARTITIONS_PER_STEP)
      for await (const users of this.#listAttached(partitions.slice(n, n + PARTITIONS_PER_STEP))) {
        for (const of of users) seen.add(userKey(of))
        await carried.compare(users, 'unavailable')
      }
    const unseen = attached.usersOn(servers).filter((of) => !seen.has(userKey(of)))
    await carried.compare(unseen, 'unavailable')
  }

  /** Yields the users in these partitions whom Redis has as attached to this node. */
  async *#listAttached(partitions: readonly number[]): AsyncGenerator<UserRef[]> {
    const { runner } = this.#options
    const list = (of: readonly number[], after: string): Promise<string[][]> =>
      runner.inPartitions(runner.steps.listAttached, of, '', [runner.nodeId, USERS_PER_STEP, after])
    const usersOf = (members: readonly string[]): UserRef[] =>
      members.map((member) => {
        const [, appId = '', userId = ''] = member.split('\0')
        return { appId, userId }
      })
    const lists = await list(partitions, '')
    yield usersOf(lists.flat())
    for (const [n, partition] of partitions.entries())
      for (let members = lists[n] ?? []; members.length === USERS_PER_STEP;) {
        members = (await list([partition], members.at(-1) ?? ''))[0] ?? []
        yield usersOf(members)
      }
  }
}
