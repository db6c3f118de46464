import { randomBytes } from 'node:crypto'
import type { EngineEvent } from '../../engine.js'
import { AppNotes } from './app-notes.js'
import { Apps } from '../apps.js'
import type { RedisClient } from '../client/port.js'
import { AttachedUsers } from '../messages/attached-users.js'
import { InboxReads } from '../messages/inbox-reads.js'
import { RecentMessages } from '../messages/recent-messages.js'
import { SharedAdoptions } from '../messages/shared-adoptions.js'
import { SharedInboxes } from '../messages/shared-inboxes.js'
import { SharedPeers } from '../messages/shared-peers.js'
import { Leases } from '../nodes/leases.js'
import { NodeCalls } from '../nodes/node-calls.js'
import { Partitions } from '../nodes/partitions.js'
import { Publications } from '../nodes/publications.js'
import { Sweeper } from '../nodes/sweeper.js'
import { SharedPushes } from '../push/shared-pushes.js'
import { Quotas } from '../quotas.js'
import { CarriedSessions } from '../recovery/carried-sessions.js'
import { RecentCalls } from '../recovery/recent-calls.js'
import { Recovery } from '../recovery/recovery.js'
import { RestoredSessions } from '../recovery/restored-sessions.js'
import { Settlement } from '../recovery/settlement.js'
import { UncertainCalls } from '../recovery/uncertain-calls.js'
import { UserStates } from '../recovery/user-states.js'
import { SharedRevocations } from '../sessions/shared-revocations.js'
import { SharedSessions } from '../sessions/shared-sessions.js'
import { SharedUsers } from '../sessions/shared-users.js'
import { Watches } from '../sessions/watches.js'
import { StepRunner } from '../step-runner.js'
import { UnreadSearch } from '../webhooks/unread-search.js'
import { Webhooks } from '../webhooks/webhooks.js'

const NODE_ID_BYTES = 9

export interface NodeOptions {
  client: RedisClient
  prefix: string
  clockShift: () => number
  /**
   * The interval, in milliseconds, at which the node asks how much the servers have published. In the same time it renews each of its
   * presence watches once.
   */
  compareInterval: number
  partitionCount: number | undefined
  /** The name under which other nodes send questions to this node. */
  name: string
  /** Answers a question of another node. */
  answer: (question: string) => Promise<string>
  emit: (event: EngineEvent) => void
  onError: (error: unknown) => void
}

/** Makes the parts of a node, each of parts that were made before it. */
export const makeParts = (options: NodeOptions) => {
  const { client, prefix, clockShift, partitionCount, emit, onError, name, answer } = options
  const nodeId = randomBytes(NODE_ID_BYTES).toString('base64url')
  const partitions = new Partitions(partitionCount)
  const runner = new StepRunner({ client, prefix, partitions, nodeId, clockShift })
  const apps = new Apps()
  const leases = new Leases({ runner, onError })
  const quotas = new Quotas(runner)
  const revocations = new SharedRevocations(runner)
  const users = new SharedUsers(runner, quotas, revocations)
  const watches = new Watches({ runner, interval: options.compareInterval, emit })
  const pushes = new SharedPushes({ runner, isRevoked: (...args) => revocations.isRevoked(...args) })
  const webhooks = new Webhooks(runner, emit, (appId) => apps.webhooksOf(appId) !== null)
  const unreadSearch = new UnreadSearch(runner)
  const appNotes = new AppNotes({ runner, apps, quotas, webhooks, unreadSearch, leases })
  const calls = { recentCalls: new RecentCalls(), recentMessages: new RecentMessages(runner) }

  const reads = new InboxReads(runner)
  const attached = new AttachedUsers({ runner, reads, emit, onError })
  const inboxes = new SharedInboxes({
    ...{ runner, quotas, attached, recent: calls.recentMessages, onError },
    createUser: (of) => users.save(of, {}),
  })
  const peers = new SharedPeers(runner)
  const adoptions = new SharedAdoptions({ runner, retentionOf: (appId) => apps.retentionOf(appId) })
  const nodeCalls = new NodeCalls({ runner, name, answer, attached, onError })
  const sweeper = new Sweeper({
    ...{ runner, apps, inboxes, adoptions, leases, onError },
    onEventsDue: (appId, partition) => webhooks.find(appId, partition),
  })
  const sessions = new SharedSessions({ runner, attached, revocations, sweeper, calls: nodeCalls })

  const carried = new CarriedSessions({ runner, attached, sessions, emit })
  const states = new UserStates({ runner, attached, emit })
  const afterFailover = {
    ...{ runner, attached, leases, calls: calls.recentCalls, onError },
    restored: new RestoredSessions({ runner, sessions, revocations }),
  }
  const settlement = new Settlement({ ...afterFailover, recent: calls.recentMessages })
  const recovery = new Recovery({ ...afterFailover, carried, states, watches, settlement })
  const publications = new Publications({ runner, name, onMissed: () => recovery.check() })
  const uncertain = new UncertainCalls({
    ...{ attached, reads, peers, carried, watches, recovery, users, emit, onError },
    noteWebhooks: (appId, partition) => {
      if (apps.webhooksOf(appId)) webhooks.announce(appId, partition)
    },
  })
  return {
    ...{ runner, apps, appNotes, quotas, users, sessions, revocations, watches, attached, sweeper, leases },
    ...{ reads, inboxes, peers, adoptions, pushes, webhooks, unreadSearch, calls: nodeCalls, ...calls },
    ...{ states, settlement, recovery, publications, uncertain },
  }
}

export type NodeParts = ReturnType<typeof makeParts>
