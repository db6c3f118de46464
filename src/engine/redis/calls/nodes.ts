import type { Call } from './values.js'

/** The steps of the engine, its nodes and its apps, and of a server's state. */
export interface NodeCalls {
  /**
   * `key` is the engine's key, and `epochs` the text of the key `epochs`, if there are none yet. `unfinished` says that a transfer to this
   * Redis is unfinished, and `other-format` that the data have another `FORMAT`.
   */
  open: Call<
    [key: string, epochs: string],
    [outcome: 'opened', key: string, epochs: string] | [outcome: 'unfinished' | 'other-format']
  >
  /** `isRead`: the value was read as it was written. */
  check: Call<[], [isRead: 0 | 1]>
  /**
   * `asksUnread` says whether the app asks for `message.unread`. `isUnsearched` says whether its inboxes are to be searched for messages
   * that were unread before.
   */
  configure: Call<[options: string, asksUnread: boolean], [isUnsearched: 0 | 1]>
  /** An app counts as in use for `usedFor` milliseconds after a node has noted that it has the app. */
  touchApps: Call<[usedFor: number, ...appIds: string[]], [appId: string, options: string, isInUse: 0 | 1][]>
  /** Takes channels. Returns the name of the server's run (`scripts/state/publish.ts`), and how many texts each channel has had in it. */
  published: Call<string[], [run: string, ...numbers: number[]]>
  /** `channel` is the node's id, or `name:` and its name. Returns how many nodes received the text. */
  tellNode: Call<[channel: string, text: string], [count: number]>
  signal: Call<[json: string], []>
  noteState: Call<[], []>
  /** Returns the number of the server's history, and of its generation. The server perhaps lacks writes of the last `age` milliseconds. */
  listHistories: Call<[], [number: number, generation: number, isUnsettled: 0 | 1, age: number]>
  /**
   * `number` is that of the history. `says` is `0` for no; `1` for yes; empty for yes, if the node does not know who has stored messages
   * that the server may lack. `nodes` must answer, as far as the calling node knows.
   */
  keepHistory: Call<[number: number, says: '0' | '1' | '', ...nodes: string[]], []>

  /**
   * The node counts as alive for `lease` milliseconds. `wasThere` says whether the server knew it and no other node had counted it as
   * dead. `dead` are the nodes whose lease has ended, and `live` those that live. `at` is the present time, and `madeAt` the time
   * since which the server has its data. A node last left `leftAgo` milliseconds ago, or none has if this is -1. `known` are all nodes that
   * have or had a lease.
   */
  beat: Call<
    [lease: number],
    [
      wasThere: 0 | 1,
      dead: [node: string, endedAt: number][],
      live: string[],
      at: number,
      madeAt: string | null,
      leftAgo: number,
      known: string[],
    ]
  >
  removeNode: Call<[node: string], []>
  listNodes: Call<[], string[]>
  /** `after` is the member after which the list goes on; empty for all. A member has the node, the app and the user, separated by NUL. */
  listAttached: Call<[node: string, limit: number, after: string], string[]>
  /**
   * The next sweep is in `nextIn` milliseconds. Returns nothing if no own copies are pending and nothing is due before the next sweep; else
   * how many own copies are pending; the milliseconds until the next deadline that has not passed, or -1 if there is none; and for each
   * user the app and the user, separated by NUL. For an app's events the user is empty.
   */
  listDue: Call<[limit: number, nextIn: number], [ownCopies: number, next: number, ...members: string[]] | []>
  /** `isMoving` says whether messages of this adopted guest are to be moved now. */
  due: Call<[callId: string], [isMoving: 0 | 1]>
  /** Takes the names of an app's counts. Returns them, in a cluster those in a partition. */
  readCounts: Call<string[], (string | null)[]>

  /** The commands are JSON. Both return the present time, and the reply of each command. */
  readRows: Call<[commands: string], [now: number, ...replies: unknown[]]>
  writeRows: Call<[commands: string], [now: number, ...replies: unknown[]]>
}
