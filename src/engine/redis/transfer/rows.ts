import type { UserRef, WebhookOptions } from '../../engine.js'
import { argumentOfSeveral } from '../client/gathered-calls.js'
import { createRedisClient, type RedisClientOptions } from '../client/index.js'
import type { RedisClient, Reply } from '../client/port.js'
import type { KeyKind, KeyOwner } from '../keys.js'
import { Partitions } from '../nodes/partitions.js'
import type { Step } from '../script.js'
import { assertUsable } from '../server-check.js'
import { StepRunner } from '../step-runner.js'

/** The owner of the keys that only the first partition has. */
export const FIRST_PARTITION: KeyOwner = { partition: 0, appId: '', userId: '' }

export interface RedisPlace {
  server: RedisClientOptions
  prefix: string
}

/** A command on a key, or the command `INBOX` of the scripts. */
export type Command = [name: string, key: string, ...args: string[]]

const ignore = (): void => undefined

/** Reads and writes the rows of a Redis. This process does not become a node: no session starts here, and it sweeps nothing. */
export class RedisRows {
  readonly client: RedisClient
  readonly runner: StepRunner
  /** The time of Redis when a call last replied. */
  now = 0

  private constructor(client: RedisClient, runner: StepRunner) {
    this.client = client
    this.runner = runner
  }

  /** `webhooksOf` returns which webhook events of an app are kept when a step of the engine causes them. */
  static async open(
    { server, prefix }: RedisPlace,
    webhooksOf: (appId: string) => WebhookOptions | null = () => null,
  ): Promise<RedisRows> {
    const client = createRedisClient(server)
    // If the connection is lost, the calls of the transfer reject, so nothing needs these events.
    await client.open({ onMessage: ignore, onResubscribed: ignore, onError: ignore })
    const partitions = new Partitions()
    const node = { nodeId: 'transfer', clockShift: () => 0 }
    try {
      assertUsable(await client.info())
      const runner = new StepRunner({ client, prefix, partitions, ...node })
      runner.connect({ webhooksOf })
      return new RedisRows(client, runner)
    } catch (error) {
      await client.close()
      throw error
    }
  }

  /** Returns the user as the owner of keys in the user's partition. */
  owner({ appId, userId }: UserRef): KeyOwner {
    return { partition: this.runner.partitions.of({ appId, userId }), appId, userId }
  }

  key(kind: KeyKind, owner: KeyOwner): string {
    return this.runner.keys.of([kind], owner)[0] ?? ''
  }

  /** Yields what the names of all keys say, in pages. A name may come twice. `rest` are the ids behind the kind. */
  async *names(): AsyncGenerator<{ name: string; partition: number; kind: string; rest: string }[]> {
    const { prefix } = this.runner.keys
    const partitions = new Map(this.runner.partitions.tags.map((tag, partition) => [tag, partition]))
    for await (const names of this.client.keys(`${prefix}{`))
      yield names.flatMap((name) => {
        const [, tag = '', kind = '', rest = ''] =
          /^\{([^}]*)\}:([^:]*):?(.*)$/s.exec(name.slice(prefix.length)) ?? []
        const partition = partitions.get(tag)
        return partition === undefined ? [] : [{ name, partition, kind, rest }]
      })
  }

  /** Resolves with the replies of commands that read. Their keys are in one partition. */
  read(partition: number, commands: readonly Command[]): Promise<Reply[]> {
    return this.#run(this.runner.steps.readRows, partition, commands)
  }

  /** As `read`, for commands that write. They run once, or the promise rejects. */
  write(partition: number, commands: readonly Command[]): Promise<Reply[]> {
    return this.#run(this.runner.steps.writeRows, partition, commands)
  }

  async #run(
    step: Step<'readRows' | 'writeRows'>,
    partition: number,
    commands: readonly Command[],
  ): Promise<Reply[]> {
    // Without a cluster a call does not need the names of its keys, and may have keys of several partitions.
    const keys = this.runner.isCluster ? [...new Set(commands.map(([, key]) => key))] : []
    const [now, ...replies] = await this.runner.onKeys(step, partition, keys, [argumentOfSeveral(commands)])
    this.now = now
    return replies as Reply[]
  }
}
