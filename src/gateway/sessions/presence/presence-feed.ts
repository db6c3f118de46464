import { isUserId, MAX_WATCHED, type ClientFrameOf, type Message } from '../../../protocol/index.js'
import { TaskQueue } from '../../../util/task-queue.js'
import type { AppSettings } from '../../config/parse.js'
import type { FrameScope } from '../frame-scope.js'
import type { Contacts } from './contacts.js'
import { OFFLINE, type Presence, type Watcher, type Watchers } from './watchers.js'

const TOO_MANY = `A 'watch' has at most ${MAX_WATCHED} 'users'.`
const BAD_ID = "A 'watch' has an entry in 'users' that is not a valid user id."

interface Watched {
  /** Whether the rule of the watch lets the user see this presence. */
  isVisible: boolean
  /** The watched user's presence in the latest frame to the client. */
  told: Presence
}

/**
 * Sends the presence of the users that one session watches: of all users when the watch begins, and later of those whose presence changes.
 */
export class PresenceFeed implements Watcher {
  readonly #scope: FrameScope
  readonly #contacts: Contacts
  #users = new Map<string, Watched>()
  /** The app's `presence` that decided which of `#users` are visible. A reload may have changed the setting since. */
  #rule: AppSettings['presence']
  /** Each piece of work waits for the one before, so that frames are answered in their order. */
  readonly #turns = new TaskQueue()
  /** How many of `#turns` have not ended. */
  #turnCount = 0
  /** Whether changes wait until the client has read earlier frames. */
  #isWaiting = false
  #isStopped = false

  constructor(scope: FrameScope, contacts: Contacts) {
    this.#scope = scope
    this.#contacts = contacts
    this.#rule = scope.app.settings.presence
  }

  /** Answers a `watch` frame. Resolves when it is answered. Returns undefined if the frame was refused at once. */
  watch(frame: ClientFrameOf<'watch'>): Promise<void> | undefined {
    const why = frame.users.length > MAX_WATCHED ? TOO_MANY : frame.users.every(isUserId) ? undefined : BAD_ID
    if (why !== undefined) return this.#scope.refuse(frame, 'bad-request', why)
    return this.#inTurn(() => this.#watch([...new Set(frame.users)]))
  }

  /**
   * Called with each message that comes into the user's inbox. If the message lets the user see its sender's presence, the client is sent
   * that presence.
   */
  onMessage({ from }: Pick<Message, 'from'>): void {
    if (from === null || this.#presenceRule !== 'peers') return
    // If work is under way, it may have asked who is visible before this message came. So the sender is checked after that work.
    if (this.#users.get(from)?.isVisible !== false && this.#turnCount === 0) return
    // If the engine fails, the client is not sent the sender's presence. The sender's next message causes another try.
    void this.#scope.connection.surviveEngineError(this.#inTurn(() => this.#show(from)))
  }

  onPresence(userId: string): void {
    this.#sendChanges([userId])
  }

  onReload(): void {
    if (this.#rule !== this.#presenceRule || this.#turnCount > 0) this.#followRule()
  }

  stop(): void {
    this.#isStopped = true
    this.#watchers.unfollow(this)
    this.#watchers.remove(this, this.#scope.user.appId, this.#users.keys())
    this.#users.clear()
  }

  get #watchers(): Watchers {
    return this.#scope.context.watchers
  }

  /** The app's `presence`, which a reload may change. */
  get #presenceRule(): AppSettings['presence'] {
    return this.#scope.app.settings.presence
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turnCount += 1
    return this.#turns
      .run(async () => (this.#isStopped ? undefined : work()))
      .finally(() => (this.#turnCount -= 1))
  }

  async #watch(userIds: string[]): Promise<void> {
    this.#watchers.follow(this)
    const presence = this.#presenceRule
    const visible = await this.#visibleOf(userIds)
    await this.#add(visible)
    if (this.#isStopped) return
    const { appId } = this.#scope.user
    const dropped = [...this.#users.keys()].filter((userId) => !visible.has(userId))
    this.#watchers.remove(this, appId, dropped)
    this.#users = new Map(
      userIds.map((userId) => [userId, { isVisible: visible.has(userId), told: OFFLINE }] as const),
    )
    this.#rule = presence
    this.#send(userIds)
  }

  /** Watches the same users by the app's present rule. If the engine fails, the next change of a user's presence tries again. */
  async #watchAgain(): Promise<void> {
    if (this.#rule !== this.#presenceRule && this.#users.size > 0) await this.#watch([...this.#users.keys()])
  }

  #followRule(): void {
    void this.#scope.connection.surviveEngineError(this.#inTurn(() => this.#watchAgain()))
  }

  async #show(userId: string): Promise<void> {
    const watched = this.#users.get(userId)
    if (watched?.isVisible !== false || !(await this.#visibleOf([userId])).has(userId)) return
    await this.#add([userId])
    if (this.#isStopped) return
    watched.isVisible = true
    this.#send([userId])
  }

  async #visibleOf(userIds: readonly string[]): Promise<ReadonlySet<string>> {
    const presence = this.#presenceRule
    if (presence === 'peers') return this.#contacts.among(userIds, 'received')
    return new Set(presence === 'anyone' ? userIds : [])
  }

  async #add(userIds: Iterable<string>): Promise<void> {
    const { appId } = this.#scope.user
    await this.#watchers.add(this, appId, userIds)
    // If the session ended meanwhile, `stop` perhaps did not remove these users. Without this line they would stay watched.
    if (this.#isStopped) this.#watchers.remove(this, appId, userIds)
  }

  /** Sends the presence of those users who have come or gone since the client was told of them. */
  #sendChanges(userIds: readonly string[]): void {
    if (this.#rule !== this.#presenceRule) return this.#followRule()
    const changed = userIds.filter((userId) => {
      const watched = this.#users.get(userId)
      if (watched?.isVisible !== true) return false
      const { online, lastSeenAt } = this.#presenceOf(userId)
      // A user who has come and gone since is offline as before, and was last seen later.
      return watched.told.online !== online || (!online && watched.told.lastSeenAt !== lastSeenAt)
    })
    if (changed.length === 0) return
    if (this.#scope.connection.isFull()) this.#sendWhenDrained()
    else this.#send(changed)
  }

  /** Waits until a slow client has read earlier frames, and then sends the latest state of all users that have changed, in one frame. */
  #sendWhenDrained(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    void this.#scope.connection.drained().then(() => {
      this.#isWaiting = false
      this.#sendChanges([...this.#users.keys()])
    })
  }

  #send(userIds: readonly string[]): void {
    const users = userIds.map((id) => {
      const watched = this.#users.get(id)
      const told = watched?.isVisible ? this.#presenceOf(id) : OFFLINE
      if (watched) watched.told = told
      return { id, online: told.online, lastSeenAt: told.lastSeenAt }
    })
    this.#scope.connection.send({ type: 'presence', users })
  }

  #presenceOf(userId: string): Presence {
    return this.#watchers.presenceOf({ appId: this.#scope.user.appId, userId })
  }
}
