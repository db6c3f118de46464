import { startClient, type Client, type Command } from './client.js'
import type { Connection } from './connection.js'
import { APP, USER, type Started } from './frames.js'
import { openRealGateway, type RealGateway } from './real-gateway.js'
import { openScriptedGateway, type ScriptedGateway } from './scripted-gateway.js'
import type { Watch } from './watch.js'

type Section =
  'starting' | 'delivery' | 'sending' | 'reading' | 'closing' | 'credentials' | 'stream' | 'gateway'

/** One rule of docs/PROTOCOL.md, and the function that tests a client. */
export interface Case {
  readonly name: string
  readonly section: Section
  /** Whether a client that breaks the rule loses, repeats or changes messages, or never stops reconnecting. */
  readonly core: boolean
  /** A sentence about the client. */
  readonly rule: string
  /** Resolves if the client keeps the rule, and rejects with a `Breach` if it does not. */
  run(bench: Bench): Promise<void>
}

/** A client with an active session, and the scripted gateway that only this client uses. */
export interface Begun {
  gateway: ScriptedGateway
  client: Client
  connection: Connection
}

type StartCommand = Extract<Command, { type: 'start' }>

/** Makes the clients and gateways of a case, and closes them when the case ends. */
export interface Bench {
  readonly watch: Watch
  client(): Client
  scriptedGateway(): Promise<ScriptedGateway>
  realGateway(messagesPerSecond?: number): Promise<RealGateway>
  /** Tells a new client to start a session at a scripted gateway. */
  start(gateway: ScriptedGateway, command?: Partial<StartCommand>): Client
  /** Starts a client at a new scripted gateway, and answers its `start` frame. Resolves when the session is active. */
  begin(started?: Partial<Started>, command?: Partial<StartCommand>): Promise<Begun>
  close(): Promise<void>
}

export const createBench = (command: string, watch: Watch): Bench => {
  const ends: (() => Promise<void>)[] = []
  const kept = <T>(part: T, end: (part: T) => Promise<void>): T => {
    ends.push(() => end(part))
    return part
  }
  const bench: Bench = {
    watch,
    client: () => kept(startClient(command, watch), (client) => client.end()),
    scriptedGateway: async () => kept(await openScriptedGateway(watch), (gateway) => gateway.close()),
    realGateway: async (messagesPerSecond) =>
      kept(await openRealGateway(messagesPerSecond), (gateway) => gateway.close()),
    start(gateway, changes) {
      const client = bench.client()
      client.tell({
        type: 'start',
        endpoint: gateway.url,
        appId: APP,
        userId: USER,
        token: 'token-1',
        ...changes,
      })
      return client
    },
    async begin(started, changes) {
      const gateway = await bench.scriptedGateway()
      const client = bench.start(gateway, changes)
      const connection = await gateway.begin(started)
      await client.reaches('active')
      return { gateway, client, connection }
    },
    async close() {
      // The newest parts end first: clients before their gateways, because the end of a gateway would make its clients reconnect.
      for (const end of ends.toReversed()) await end()
    },
  }
  return bench
}
