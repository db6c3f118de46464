import { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createRestClient, RestError, type Message, type RestCalls } from '../../../src/rest-client/index.js'
import { appId, secret } from '../../support/tokens.js'
import type { GatewayNode } from './gateway-nodes.js'

/** Milliseconds between two messages at one gateway. */
const PACE = 20

/** A message, and the offset in its recipient's inbox that the call was answered with. */
export interface Answered {
  to: string
  body: string
  offset: number
}

export const restOf = ({ endpoint }: GatewayNode): RestCalls => createRestClient({ endpoint, appId, secret })

/** Sends messages to users in turn over REST, at each gateway one after the other, until `stop`. A call that is unavailable is repeated. */
export const startBackend = (
  nodes: readonly GatewayNode[],
  userIds: readonly string[],
): { stop(): Promise<Answered[]> } => {
  const stop = new AbortController()
  after(() => stop.abort())
  const answered: Answered[] = []
  const send = async (rest: RestCalls, to: string, body: string): Promise<void> => {
    for (;;)
      try {
        const { offset } = await rest.sendMessage({ user: to, body: { id: body, body } })
        answered.push({ to, body, offset })
        return
      } catch (error) {
        if (!(error instanceof RestError) || error.code !== 'unavailable') throw error
        await pause(PACE)
      }
  }
  const run = async (node: GatewayNode): Promise<void> => {
    const rest = restOf(node)
    for (let number = 0; !stop.signal.aborted; number++)
      for (const to of userIds) {
        await send(rest, to, `backend at ${node.name}>${to} ${number}`)
        await pause(PACE)
      }
  }
  const running = Promise.all(nodes.map(run))
  // It is awaited when the backend stops.
  running.catch(() => undefined)
  return {
    async stop() {
      stop.abort()
      await running
      return answered
    },
  }
}

/** Reads a user's whole inbox over REST. */
export const readInbox = async (
  rest: RestCalls,
  user: string,
): Promise<{ epoch: string; messages: Message[] }> => {
  const messages: Message[] = []
  for (;;) {
    const page = await rest.listMessages({ user, after: messages.at(-1)?.offset ?? 0, limit: 100 })
    if (page.messages.length === 0) return { epoch: page.epoch, messages }
    messages.push(...page.messages)
  }
}
