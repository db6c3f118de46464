import { isIssuedUpTo } from '../../decide/revocations/revoked.js'
import type { Credential, Revocation, UserRef } from '../../engine.js'
import type { RevocationArgs } from '../calls/sessions.js'
import { tokenHash } from './session-record.js'
import { pairsOf } from '../lists.js'
import type { Step } from '../script.js'
import type { Returns, StepName, Takes } from '../steps.js'
import type { StepRunner } from '../step-runner.js'

/** How many sessions of a revoked app are ended at once in a partition. */
const ENDED_PER_STEP = 100
/** In how many partitions sessions are ended at once. More calls at once would delay others, such as the renewal of the node's lease. */
const REVOKED_AT_ONCE = 8

const ends = { changes: { endsAs: 'revoked' } } as const

/** The revocations of users, apps and tokens. */
export class SharedRevocations {
  readonly #runner: StepRunner

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  async isRevoked(of: UserRef, { issuedAt, tokenId }: Credential): Promise<boolean> {
    const [[, , revokedBefore], isTokenRevoked] = await Promise.all([
      this.#runner.onUser(this.#runner.steps.readUser, of, []),
      this.isTokenRevoked(of.appId, tokenId),
    ])
    return isTokenRevoked || isIssuedUpTo(issuedAt, revokedBefore)
  }

  /** Returns whether a token is revoked by its id; false if the credential has none. */
  async isTokenRevoked(appId: string, tokenId: string | null): Promise<boolean> {
    if (tokenId === null) return false
    const [result] = await this.#onToken(this.#runner.steps.readToken, appId, tokenId, ['revoked'])
    return result === 1
  }

  /**
   * Notes in a token's Redis hash that a session of the user will use the token. Returns `use`, which is the name of the note; an empty
   * text if there is no token; null if the token is revoked. The session's row has the name, too. The step that removes the name from the
   * row tells the calling node to delete the note.
   */
  async useToken(
    { appId, userId }: UserRef,
    { tokenId, expiresAt }: Credential,
    use: string,
  ): Promise<string | null> {
    if (tokenId === null) return ''
    const { steps } = this.#runner
    const [isGood] = await this.#onToken(steps.useToken, appId, tokenId, [expiresAt, use], userId)
    return isGood === 1 ? use : null
  }

  /** Deletes the note that `useToken` wrote, because the session no longer uses this credential. */
  async releaseToken({ appId, userId }: UserRef, credentialJson: string, use: string): Promise<void> {
    const { tokenId } = JSON.parse(credentialJson) as Credential
    if (tokenId !== null) await this.#onToken(this.#runner.steps.releaseToken, appId, tokenId, [use], userId)
  }

  async revokeUser(of: UserRef, { issuedBefore, mode }: Revocation): Promise<number> {
    const upTo = issuedBefore === null && 'all'
    const before = await this.#revoke(of, [true, issuedBefore, mode, upTo])
    this.#runner.remember(this.#runner.partitions.of(of), () => this.#revoke(of, [true, before, mode, null]))
    return before
  }

  async revokeApp(appId: string, { issuedBefore, mode }: Revocation): Promise<number> {
    const { steps, partitions } = this.#runner
    const [[time] = []] = await this.#runner.inPartitions(steps.revokeApp, [0], appId, [issuedBefore])
    const marks = await this.#runner.inPartitions(steps.revokeApp, partitions.all, appId, [time])
    // From now on every start is compared with the revocation. So only sessions whose numbers are at most `newest` can have a revoked
    // credential.
    for (const [partition, [before]] of marks.entries())
      this.#runner.remember(partition, () =>
        this.#runner.inPartitions(steps.revokeApp, [partition], appId, [before]),
      )
    const left = marks.entries()
    const revokeNext = async (): Promise<void> => {
      for (const [partition, [before, newest]] of left)
        await this.#revokeIn(appId, partition, newest, [false, before, mode, issuedBefore === null && newest])
    }
    await Promise.all(Array.from({ length: REVOKED_AT_ONCE }, revokeNext))
    return Math.max(...marks.map(([before]) => before))
  }

  async revokeToken(appId: string, tokenId: string): Promise<void> {
    const { steps } = this.#runner
    const note = (): Promise<string[]> => this.#onToken(steps.revokeToken, appId, tokenId, [tokenId])
    const users = await note()
    this.#runner.remember(this.#runner.partitions.ofToken(appId, tokenId), note)
    const token = tokenHash(appId, tokenId)
    await Promise.all(
      users.map((userId) => this.#revoke({ appId, userId }, [false, null, 'end', null], token)),
    )
  }

  async lift(of: UserRef): Promise<boolean> {
    const [result] = await this.#runner.onUser(this.#runner.steps.liftRevocation, of, [])
    return result === 1
  }

  /** Carries out an app's revocation in a partition, `ENDED_PER_STEP` sessions at a time, up to the session with the number `newest`. */
  async #revokeIn(
    appId: string,
    partition: number,
    newest: number,
    revocation: RevocationArgs,
  ): Promise<void> {
    const { steps } = this.#runner
    const done = new Set<string>()
    for (let number = 0; number < newest;) {
      const args = [number, ENDED_PER_STEP] as const
      const [list = []] = await this.#runner.inPartitions(steps.listAppSessions, [partition], appId, args)
      if (list.length === 0) return
      const userIds = new Set<string>()
      for (const [member, ofSession] of pairsOf(list)) {
        const userId = member.split('\0')[1] ?? ''
        if (!done.has(userId)) userIds.add(userId)
        done.add(userId)
        number = Number(ofSession)
      }
      await Promise.all([...userIds].map((userId) => this.#revoke({ appId, userId }, revocation)))
    }
  }

  /** Carries out a revocation for a user in several steps, because one step for many sessions would make other calls wait. */
  async #revoke(of: UserRef, args: RevocationArgs, token?: string): Promise<number> {
    const { steps } = this.#runner
    const [before, upTo, next] = await this.#runner.onUser(steps.revoke, of, [...args, null, token], ends)
    const [, , mode] = args
    // Sessions that start from now on have credentials that are not revoked, so all further steps get the `upTo` of the first.
    for (let step = next; step !== null;)
      [, , step] = await this.#runner.onUser(steps.revoke, of, [false, before, mode, upTo, step, token], ends)
    return before
  }

  #onToken<Name extends StepName>(
    step: Step<Name>,
    appId: string,
    tokenId: string,
    args: Takes<Name>,
    userId = '',
  ): Promise<Returns<Name>> {
    const partition = this.#runner.partitions.ofToken(appId, tokenId)
    const hashed = `token:${tokenHash(appId, tokenId)}` as const
    return this.#runner.inPartition(step, partition, { appId, userId }, args, { hashed })
  }
}
