import { matters, type PeerMark } from '../../../decide/messages/peer-marks.js'
import type { GroupCommit } from '../../store/group-commit.js'
import type { Reads } from '../../store/reads.js'
import { rows } from '../../store/rows.js'
import { del, put } from '../../store/store.js'
import type { Inbox } from '../inbox.js'

const MARKS_PER_READ = 512

/** The read marks of peers. Each mark is a row, so that the cost of setting a mark does not grow with the number of peers. */
export class PeerMarks {
  readonly #commit: GroupCommit

  constructor(commit: GroupCommit) {
    this.#commit = commit
  }

  of({ stored }: Inbox, peer: string | null): PeerMark | undefined {
    return this.#markAt(rows.peerMark(stored.ref, peer))
  }

  set({ stored }: Inbox, peer: string | null, offset: number, newest: number): void {
    this.#commit.keep([put(rows.peerMark(stored.ref, peer), [offset, newest] satisfies PeerMark)])
  }

  /** Deletes the marks that no longer matter. */
  async prune({ stored: { ref }, durable: { first } }: Inbox, reads: Reads): Promise<void> {
    let range = rows.peerMarks(ref)
    for (let isLast = false; !isLast;) {
      const found = await reads.all<PeerMark>({ ...range, limit: MARKS_PER_READ })
      // Since the read, the mark was perhaps set again. So a mark that no longer matters is read once more.
      const isGone = ([row, mark]: [string, PeerMark]): boolean =>
        !matters(mark, first) && !matters(this.#markAt(row), first)
      this.#commit.append(found.filter(isGone).map(([row]) => del(row)))
      isLast = found.length < MARKS_PER_READ
      range = { ...range, gte: `${found.at(-1)?.[0] ?? ''}\0` }
    }
  }

  #markAt(row: string): PeerMark | undefined {
    return this.#commit.newest(row) as PeerMark | undefined
  }
}
