import type { Call, InboxReply, Maybe } from './values.js'

/** Those fields of a user that make the user's record. `createdAt` is null if there is no such user. */
export type UserFields = [profiles: string | null, createdAt: string | null]

/** The steps of users and their push devices. */
export interface UserCalls {
  /** `revokedBefore` is the time up to which the user's credentials are revoked by the time of their issue. */
  readUser: Call<[], [...fields: UserFields, revokedBefore: number | null]>
  /**
   * `before` are the fields as the caller has read them. `profiles` are the new ones, and `sender` is the profile as the user's messages
   * carry it. For a guest, `maxGuests` is the limit of guests, in a cluster what other partitions leave of it. `record` is the record for
   * other nodes, and `data` the data of the webhook event: both are missing if the profile does not change. `starts` says whether a session
   * of the user starts, whose credential was issued at `issuedAt`.
   */
  saveUser: Call<
    [
      ...before: UserFields,
      profiles: string,
      sender: Maybe<string>,
      maxGuests: Maybe<number>,
      record: Maybe<string>,
      data: Maybe<string>,
      starts: boolean,
      issuedAt: Maybe<number>,
    ],
    | [outcome: 'saved', createdAt: number, isNew: 0 | 1]
    /** The fields have changed, the credential is revoked, or the app has too many guests. */
    | [outcome: 'conflict' | 'revoked' | 'full']
  >
  /** Returns 1 if there was a user or an inbox; -1 if the caller must call again. */
  deleteUser: Call<[], [result: 0 | 1 | -1]>
  /** Credentials that were issued up to `revokedBefore` are revoked. */
  status: Call<
    [],
    [online: 0 | 1, sessions: number, lastSeenAt: number | null, revokedBefore: number | null, unread: number]
  >
  /** `after` is empty to begin with the first user. Returns ids. */
  listUsers: Call<[after: string, limit: number], string[]>

  /** `createdAt` is empty if there is no such user. `newest` is the newest offset. The devices are JSON, and empty for none. */
  readPush: Call<[], [createdAt: number | '', newest: number, devices: string]>
  /**
   * `before` are the devices as they were read, and `devices` the `count` new ones: both are JSON. There may be something to push in
   * `dueIn` milliseconds: null for never, `same` to leave that time unchanged. `through` is the newest offset of the messages that the
   * caller has looked at. `reports` has the data of events `push.failed`, each as JSON without braces. Returns 0 if the devices have
   * changed since they were read; -1 if there is no such user.
   */
  writePush: Call<
    [
      before: string,
      devices: Maybe<string>,
      count: number,
      dueIn: number | null | 'same',
      through: number,
      ...reports: string[],
    ],
    [isStored: 0 | 1 | -1]
  >
  /**
   * `own` takes the device over, `keep` takes it only if it has no owner, and `free` gives it up. `next` is the owner, who is kept for
   * `keptFor` milliseconds. Returns the owner before the call, or an empty text. Owners are JSON.
   */
  ownPush: Call<[mode: 'own' | 'keep' | 'free' | 'read', next: string, keptFor: number], [owner: string]>
  /**
   * `next` is the offset after which another step has to go on, or 0. `messages` has the newest unread message of each sender, the oldest
   * message first.
   */
  readPushUnread: Call<[after: number], [next: number, messages: string[], ...inbox: InboxReply]>
}
