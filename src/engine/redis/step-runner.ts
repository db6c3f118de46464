import type { EndCode } from '../../protocol/index.js'
import type { UserRef, WebhookOptions } from '../engine.js'
import { EngineError } from '../errors.js'
import { randomDigits } from '../../util/random-digits.js'
import { isUnsettled, mayHaveRun } from './client/failures.js'
import { argumentOfSeveral, severalOf } from './client/gathered-calls.js'
import type { RedisClient, Reply, ScriptInput } from './client/port.js'
import { Epochs } from './epochs.js'
import { Keys, type HashedKind, type KeyKind, type KeyOwner } from './keys.js'
import type { Partitions } from './nodes/partitions.js'
import type { Arg } from './calls/values.js'
import { LIBRARY_START, loadSteps, type BatchStep, type Step, type Steps } from './script.js'
import type { BatchStepName, Returns, StepName, Takes } from './steps.js'
import { UnsettledServers } from './client/unsettled-servers.js'
import type { WireEvent } from './wire-event.js'

/** How many partitions a call has at most. With more, other calls would wait for long. */
const PARTITIONS_PER_CALL = 256
/** How often a step is tried if a server's history becomes unsettled again and again. */
const MAX_TRIES = 5
/** How many users a call has at most. With more, other calls would wait for long. */
const USERS_PER_CALL = 200

/** Returns what `scripts/webhooks/events.ts` reads: random digits, the beginning of the epoch of the user's inbox, and the app's webhooks. */
const argumentOf = ({ unreadAfter, limits, events }: WebhookOptions, epochBase: string): string => {
  const { user, app } = limits ?? {}
  const bounds = [user?.events, user?.bytes, app?.events, app?.bytes].map((bound) => bound ?? '-')
  return [randomDigits(), epochBase, unreadAfter, ...bounds, ...events].join(',')
}

/** Returns an id for a call. A script that runs again, because its first reply was lost, knows by this id what it has counted already. */
export const callId = (): string => randomDigits()

const textOf = (arg: Arg): string => (arg === true ? '1' : arg === false ? '' : String(arg ?? ''))

export interface StepRunnerOptions {
  client: RedisClient
  prefix: string
  partitions: Partitions
  /** The id of this engine, which no other engine has. */
  nodeId: string
  /** Returns milliseconds to add to the time of Redis: for tests. */
  clockShift: () => number
}

/** What the parts of an engine do for the steps. These parts run steps themselves, so the runner is made first and gets them by `connect`. */
export interface RunnerParts {
  /** Called with the events that a step has for this node, before the caller of the step receives the result. */
  onEvents: (events: WireEvent[]) => void
  /** Called if a step's reply was lost, and with it the step's events for this node. The step may have run, and perhaps runs again. */
  onUncertain: (call: UncertainCall) => void
  /** Called with each call that runs again after a failover. */
  onRemade: (call: RecentCall) => void
  /** Called when steps begin to wait because the history of their server is unsettled (`scripts/state/history.ts`). */
  onUnsettled: (server: number) => void
  /** Returns an app's webhooks. In a cluster `limits.app` is what the other partitions leave of the app's limits. */
  webhooksOf: (appId: string, partition: number) => WebhookOptions | null
}

const ignore = (): void => undefined

/** A call whose change a failover may lose. */
export interface RecentCall {
  readonly server: number
  /** Whether the call names an epoch, and so waits until the history of its server is settled. */
  readonly namesEpoch: boolean
  /** Runs the call again, which changes nothing unless Redis has lost its change. */
  readonly repeat: () => Promise<unknown>
}

/** What a call may change besides messages and sessions of its user. If the reply is lost, this node reads it again. */
export interface Changes {
  /** The code with which the call ends sessions. @default 'unavailable' */
  readonly endsAs?: EndCode
  /** Whether the call changes the user's profile, or the read mark of the inbox. */
  readonly profile?: boolean
  readonly mark?: boolean
  /** The peer whose read mark the call changes; null for the backend. */
  readonly markOf?: string | null
}

/** A call that may have run. */
export interface UncertainCall extends OfPartition {
  readonly step: Step
  readonly changes: Changes
}

export interface RunOptions {
  /** The name of the step's key of a `HashedKind`, if it has one, without the prefix: the kind, a colon, and a result of `hashOf`. */
  hashed?: `${HashedKind}:${string}`
  /** The sender of a message, if the step changes the sender's inbox too. */
  from?: string
  changes?: Changes
}

/** A user with the partition of a call. The user's id is empty if the call is about an app, and both ids if it is about a partition. */
export interface OfPartition {
  readonly of: UserRef
  readonly partition: number
}

/** Users of one server for whom a call runs a step, with what the caller knows of each. */
export interface UserGroup<T> {
  readonly server: number
  readonly users: readonly T[]
}

/** Runs steps on the keys of users, apps and partitions. */
export class StepRunner {
  readonly steps: Steps = loadSteps()
  readonly partitions: Partitions
  readonly keys: Keys
  readonly nodeId: string
  /** Whether partitions may be on different servers. Then a call has keys of one partition only. */
  readonly isCluster: boolean
  /** The numbers of the servers. In a cluster each partition counts as a server. Without a cluster the server has the number 0. */
  readonly servers: readonly number[]
  readonly epochs = new Epochs()
  readonly #client: RedisClient
  readonly #clockShift: () => number
  readonly #parts: RunnerParts = {
    ...{ onEvents: ignore, onUncertain: ignore, onRemade: ignore, onUnsettled: ignore },
    webhooksOf: () => null,
  }
  readonly #unsettled: UnsettledServers

  constructor(options: StepRunnerOptions) {
    this.#client = options.client
    this.#clockShift = options.clockShift
    this.partitions = options.partitions
    this.keys = new Keys(options.prefix, options.partitions, options.client.isCluster)
    this.nodeId = options.nodeId
    this.isCluster = options.client.isCluster
    this.servers = this.isCluster ? this.partitions.all : [0]
    this.#unsettled = new UnsettledServers(
      (server) => this.onPartition(this.steps.noteState, server, []),
      (server) => this.#parts.onUnsettled(server),
    )
  }

  /** Must be called before the first step. Without parts nothing hears of events and lost replies, and steps add no webhook events. */
  connect(parts: Partial<RunnerParts>): void {
    Object.assign(this.#parts, parts)
  }

  /** Returns the number of a partition's server. */
  serverOf(partition: number): number {
    return this.isCluster ? partition : 0
  }

  /** Returns one partition for each server. */
  partitionOfEachServer(): number[] {
    const { prefixes } = this.keys
    return this.#client.ofEachServer(prefixes).map((prefix) => prefixes.indexOf(prefix))
  }

  /** Deletes the libraries of other versions of the engine. A node of another version loads its library again. */
  keepOwnLibrary(): Promise<void> {
    return this.#client.keepOneLibrary(LIBRARY_START, this.steps.open.library)
  }

  /** Runs a step on a user's keys. */
  onUser<Name extends StepName>(
    step: Step<Name>,
    of: UserRef,
    args: Takes<Name>,
    options?: RunOptions,
  ): Promise<Returns<Name>> {
    return this.inPartition(step, this.partitions.of(of), of, args, options)
  }

  /** Splits users into groups, one for each call. The users of a group are on one server. */
  userGroups<T extends { of: UserRef }>(users: readonly T[]): UserGroup<T>[] {
    const ofServers = new Map<number, T[]>()
    for (const user of users) {
      const server = this.serverOf(this.partitions.of(user.of))
      const group = ofServers.get(server)
      if (group) group.push(user)
      else ofServers.set(server, [user])
    }
    return [...ofServers].flatMap(([server, group]) =>
      Array.from({ length: Math.ceil(group.length / USERS_PER_CALL) }, (_, n) => ({
        server,
        users: group.slice(n * USERS_PER_CALL, (n + 1) * USERS_PER_CALL),
      })),
    )
  }

  /** Runs a step on keys of the users of a group. `kinds` says which keys of each user the step reads as `KEYS`. */
  onUsers<Name extends StepName>(
    step: Step<Name>,
    kinds: readonly KeyKind[],
    { server, users }: UserGroup<{ of: UserRef }>,
    args: Takes<Name>,
  ): Promise<Returns<Name>> {
    const keys = users.flatMap(({ of }) => this.keys.of(kinds, { partition: this.partitions.of(of), ...of }))
    return this.onKeys(step, server, keys, args)
  }

  /** Runs a step that reads `keys`, which are keys of one partition, as `KEYS`. */
  onKeys<Name extends StepName>(
    step: Step<Name>,
    partition: number,
    keys: readonly string[],
    args: Takes<Name>,
  ): Promise<Returns<Name>> {
    return this.#run(step, { partition, appId: '', userId: '' }, args, { keys })
  }

  /**
   * Runs a step on an app's keys in several partitions, and resolves with their results in the same order. In a cluster this takes a call
   * for each partition.
   */
  async inPartitions<Name extends BatchStepName>(
    step: BatchStep<Name>,
    partitions: readonly number[],
    appId: string,
    args: Takes<Name>,
  ): Promise<Returns<Name>[]> {
    const size = this.isCluster ? 1 : PARTITIONS_PER_CALL
    const calls: Promise<unknown[]>[] = []
    for (let n = 0; n < partitions.length; n += size) {
      const batch = partitions.slice(n, n + size)
      const prefix = batch.map((partition) => this.keys.prefixes[partition]).join('\0')
      calls.push(this.#run(step, { partition: batch[0] ?? 0, appId, userId: '' }, args, { prefix }))
    }
    return (await Promise.all(calls)).flat() as Returns<Name>[]
  }

  /** Runs a step about a partition, with empty ids of app and user. */
  onPartition<Name extends StepName>(
    step: Step<Name>,
    partition: number,
    args: Takes<Name>,
  ): Promise<Returns<Name>> {
    return this.inPartition(step, partition, { appId: '', userId: '' }, args)
  }

  /**
   * Reads from all partitions, and resolves with what `resultOf` makes of each partition's result. For a partition that can't be read,
   * resolves with what `known` returns, so that a master of a cluster that is away does not stop those who need the others. Rejects if
   * `known` returns undefined.
   */
  async readEveryPartition<Name extends BatchStepName, T>(
    step: BatchStep<Name>,
    appId: string,
    args: Takes<Name>,
    resultOf: (result: Returns<Name>) => T,
    known: (partition: number) => T | undefined,
  ): Promise<T[]> {
    const read = async (partition: number): Promise<T[]> => {
      try {
        return (await this.inPartitions(step, [partition], appId, args)).map(resultOf)
      } catch (error) {
        const before = known(partition)
        if (before === undefined) throw error
        return [before]
      }
    }
    return (await Promise.all(this.partitions.all.map(read))).flatMap((results) => results)
  }

  /** Runs a step in a partition, perhaps another one than the user's. For a step on an app's keys the user's id is empty. */
  inPartition<Name extends StepName>(
    step: Step<Name>,
    partition: number,
    of: UserRef,
    args: Takes<Name>,
    options: RunOptions = {},
  ): Promise<Returns<Name>> {
    const owner = { partition, ...of, hashed: options.hashed }
    const onLostReply = (): void => this.#onUncertain(step, { of, partition, options })
    const result = this.#run(step, owner, args, { onLostReply })
    const { remade, namesEpoch } = step
    if (remade === undefined) return result
    const repeat = (): Promise<unknown> => this.inPartition(step, partition, of, args, options)
    return result.then((reply) => {
      if (remade(reply)) this.remember(partition, repeat, namesEpoch)
      return reply
    })
  }

  /** Notes that `repeat` runs after a failover that may have lost the change of a call. */
  remember(partition: number, repeat: RecentCall['repeat'], namesEpoch = false): void {
    this.#parts.onRemade({ server: this.serverOf(partition), namesEpoch, repeat })
  }

  /**
   * Runs a repeatable step several times in one call, in this order, as long as it has the result `wanted`. Resolves with the results of
   * those that have run: all but the last are `wanted`. If the last one has failed, its result is missing. Not for a cluster.
   */
  async inOrder<Name extends StepName>(
    step: Step<Name>,
    runs: readonly (OfPartition & { args: Takes<Name>; options: RunOptions })[],
    wanted: string,
  ): Promise<Returns<Name>[]> {
    const lists = runs.map(({ of, partition, args, options: { hashed } }) => [
      step.name,
      ...this.#argsOf(step, { partition, ...of, hashed }, args),
    ])
    const input = { keys: [], context: this.#context(), args: [argumentOfSeveral(lists), wanted] }
    const onLostReply = (): void => {
      for (const run of runs) this.#onUncertain(step, run)
    }
    const script = severalOf(step.library, step)
    const replies = await this.#client.run(script, input, onLostReply).catch((error: unknown) => {
      if (mayHaveRun(error)) onLostReply()
      throw error
    })
    return (replies as (Reply[] | Error)[]).flatMap((reply) =>
      reply instanceof Error ? [] : [this.#resultOf(step, reply)],
    )
  }

  /** Called for a call that may have run. */
  #onUncertain(step: Step, { of, partition, options }: OfPartition & { options: RunOptions }): void {
    const { onUncertain } = this.#parts
    const { from, changes = {} } = options
    onUncertain({ step, of, partition, changes })
    if (from === undefined) return
    const sender = { appId: of.appId, userId: from }
    onUncertain({ step, of: sender, partition: this.partitions.of(sender), changes })
  }

  /**
   * `keys` are the keys that the step reads as `KEYS`. `prefix` is the beginning of the names of the step's other keys. For several
   * partitions it has the beginning for each, separated by NUL. `onLostReply` is called if the step may have run and its reply was lost,
   * also before the step is sent again.
   */
  async #run<Name extends StepName>(
    step: Step<Name>,
    owner: KeyOwner,
    args: Takes<Name>,
    {
      keys = [],
      prefix,
      onLostReply,
    }: { keys?: readonly string[]; prefix?: string; onLostReply?: () => void },
  ): Promise<Returns<Name>> {
    const input: ScriptInput = {
      // While a slot moves, a cluster needs the names of all keys (`scripts/context/key-names.ts`). Without a cluster a call does not pass them, because 20
      // keys cost as much as two commands.
      keys: this.isCluster ? [...keys, ...this.keys.of(step.keys, owner)] : keys,
      context: this.#context(),
      args: this.#argsOf(step, owner, args, prefix),
    }
    for (let tries = MAX_TRIES; ; tries--)
      try {
        return this.#resultOf(step, await this.#client.run(step, input, onLostReply))
      } catch (error) {
        if (mayHaveRun(error)) onLostReply?.()
        if (step === this.steps.noteState || !isUnsettled(error) || tries === 1) throw error
        await this.#unsettled.untilSettled(this.serverOf(owner.partition))
      }
  }

  /** Returns the arguments of a step after the context. */
  #argsOf(
    step: Step,
    owner: KeyOwner,
    args: readonly Arg[],
    prefix = this.keys.prefixes[owner.partition] ?? '',
  ): string[] {
    const { appId, userId, partition, hashed = '' } = owner
    // Steps without the key `appQueue` add no webhook events.
    const webhooks = step.keys.includes('appQueue') ? this.#parts.webhooksOf(appId, partition) : null
    const forWebhooks = webhooks ? argumentOf(webhooks, this.epochs.baseOf(owner)) : ''
    return [prefix, appId, userId, String(partition), hashed, forWebhooks, ...args.map(textOf)]
  }

  /** Passes on the events in a step's reply, and returns the rest of it. */
  #resultOf<Name extends StepName>(step: Step<Name>, reply: Reply): Returns<Name> {
    if (!Array.isArray(reply))
      throw new EngineError('unavailable', `The script '${step.name}' returned no list.`)
    const [events] = reply
    if (events) this.#parts.onEvents(JSON.parse(events as string) as WireEvent[])
    return reply.slice(1) as Returns<Name>
  }

  /** Returns the first argument, which calls of this node have in common. `scripts/library.ts` reads it. */
  #context(): string {
    const publish = this.isCluster ? 'SPUBLISH' : 'PUBLISH'
    // In a cluster each partition has channels of its own, and scripts make their names.
    const channels = this.isCluster ? '' : this.keys.channels(0)
    return [this.#clockShift(), this.nodeId, publish, this.keys.ofServer, channels].join('\0')
  }
}
