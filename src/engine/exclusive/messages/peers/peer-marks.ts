import type { GroupCommit } from '../../store/group-commit.js'
import type { Reads } from '../../store/reads.js'
import { rows } from '../../store/rows.js'
import { del, put, read, type Store } from '../../store/store.js'
import type { Inbox } from '../inbox.js'

/** The offset up to which a peer's messages are read, and the offset of the newest message with the peer when the mark was set. */
type MarkRow = [offset: number, newest: number]

const MARKS_PER_READ = 512

/** The read marks of peers. Each mark is a row, so that the cost of setting a mark does not grow with the number of peers. */
export class PeerMarks {
  readonly #store: Store
  readonly #commit: GroupCommit
  /** The marks that are perhaps not written yet, by row, with the number of their batch. The oldest is first. */
  readonly #unwritten = new Map<string, { mark: MarkRow; batch: number }>()

  constructor(store: Store, commit: GroupCommit) {
    this.#store = store
    this.#commit = commit
  }

  /** Returns the offset of a peer's mark; 0 if the peer has no mark, or a mark that no longer matters (see `prune`). */
  of({ stored, durable }: Inbox, peer: string | null): number {
    const row = rows.peerMark(stored.ref, peer)
    const mark = this.#unwritten.get(row)?.mark ?? (read(this.#store, row) as MarkRow | undefined)
    return mark && mark[1] >= durable.first ? mark[0] : 0
  }

  set({ stored }: Inbox, peer: string | null, offset: number, newest: number): void {
    this.#put(rows.peerMark(stored.ref, peer), [offset, newest])
  }

  /** Deletes the marks that no longer matter: retention has deleted all messages with the peer that came before the mark was set. */
  async prune({ stored: { ref }, durable: { first } }: Inbox, reads: Reads): Promise<void> {
    let range = rows.peerMarks(ref)
    for (let isLast = false; !isLast;) {
      const found = await reads.all<MarkRow>({ ...range, limit: MARKS_PER_READ })
      // Since the read, the mark was perhaps set again, and written. So a mark that no longer matters is read once more.
      const isGone = ([row, [, newest]]: [string, MarkRow]): boolean =>
        newest < first && !this.#unwritten.has(row) && this.#newestOf(row) < first
      this.#commit.append(found.filter(isGone).map(([row]) => del(row)))
      isLast = found.length < MARKS_PER_READ
      range = { ...range, gte: `${found.at(-1)?.[0] ?? ''}\0` }
    }
  }

  /** Takes over the marks that the store of `failed` perhaps lacks. */
  takeOver(failed: PeerMarks): void {
    for (const [row, { mark, batch }] of failed.#unwritten)
      if (batch > failed.#commit.lastWritten) this.#put(row, mark)
  }

  /** Returns 0 if the mark was deleted meanwhile. */
  #newestOf(row: string): number {
    const mark = read(this.#store, row) as MarkRow | undefined
    return mark?.[1] ?? 0
  }

  #put(row: string, mark: MarkRow): void {
    for (const [written, { batch }] of this.#unwritten) {
      if (batch > this.#commit.lastWritten) break
      this.#unwritten.delete(written)
    }
    this.#unwritten.delete(row)
    this.#unwritten.set(row, { mark, batch: this.#commit.nextBatch })
    this.#commit.defer(row, (batch) => batch.push(put(row, mark)))
  }
}
