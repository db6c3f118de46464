import type { Marks } from './inbox.js'

/** The mark of a peer, and the offset of the newest message with the peer when the mark was set. */
export type PeerMark = readonly [offset: number, newest: number]

/** Returns whether the mark still matters: not if retention has deleted every message with the peer that came before the mark was set. */
export const matters = (mark: PeerMark | undefined, first: number): mark is PeerMark =>
  mark !== undefined && mark[1] >= first

/** Returns the offset up to which the messages of a peer are read. */
export const peerReadOffset = (
  { readOffset }: Pick<Marks, 'readOffset'>,
  mark: PeerMark | undefined,
  first: number,
): number => Math.max(readOffset, matters(mark, first) ? mark[0] : 0)
