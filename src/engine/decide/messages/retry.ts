/**
 * Returns what a send answers whose id was sent before, between the same users and within the send window. `repeated` has the place and the
 * time of the stored message, even if retention has deleted it since. The digests are those of the contents. After a deletion of the
 * recipient or the sender the id counts as new, so nobody asks here: what is kept of a send has the numbers of their deletions.
 */
export const retryOutcome = (digestBefore: string, digest: string): 'repeated' | 'conflict' =>
  digestBefore === digest ? 'repeated' : 'conflict'
