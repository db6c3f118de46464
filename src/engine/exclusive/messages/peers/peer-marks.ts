import type { GroupCommit } from '../../store/group-commit.js'
import type { Reads } from '../../store/reads.js'
import { rows } from '../../store/rows.js'
import { del, put } from '../../store/store.js'
import type { Inbox } from '../inbox.js'

/** The offset up to which a peer's messages are read, and the offset of the newest message with the peer when the mark was set. */
type MarkRow = [offset: number, newest: number]

const MARKS_PER_READ = 512

/** The read marks of peers. Each mark is a row, so that the cost of setting a mark does not grow with the number of peers. */
export class PeerMarks {
  readonly #commit: GroupCommit

  constructor(commit: GroupCommit) {
    this.#commit = commit
  }

  /** Returns the offset of a peer's mark; 0 if the peer has no mark, or a mark that no longer matters (see `prune`). */
  of({ stored, durable }: Inbox, peer: string | null): number {
    const mark = this.#markAt(rows.peerMark(stored.ref, peer))
    return mark && mark[1] >= durable.first ? mark[0] : 0
  }

  set({ stored }: Inbox, peer: string | null, offset: number, newest: number): void {
    this.#commit.keep([put(rows.peerMark(stored.ref, peer), [offset, newest] satisfies MarkRow)])
  }

  /** Deletes the marks that no longer matter: retention has deleted all messages with the peer that came before the mark was set. */
  async prune({ stored: { ref }, durable: { first } }: Inbox, reads: Reads): Promise<void> {
    let range = rows.peerMarks(ref)
    for (let isLast = false; !isLast;) {
      const found = await reads.all<MarkRow>({ ...range, limit: MARKS_PER_READ })
      // Since the read, the mark was perhaps set again. So a mark that no longer matters is read once more.
      const isGone = ([row, [, newest]]: [string, MarkRow]): boolean =>
        newest < first && (this.#markAt(row)?.[1] ?? 0) < first
      this.#commit.append(found.filter(isGone).map(([row]) => del(row)))
      isLast = found.length < MARKS_PER_READ
      range = { ...range, gte: `${found.at(-1)?.[0] ?? ''}\0` }
    }
  }

  #markAt(row: string): MarkRow | undefined {
    return this.#commit.newest(row) as MarkRow | undefined
  }
}
