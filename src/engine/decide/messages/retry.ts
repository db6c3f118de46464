/**
 * Returns what a send answers whose id was sent before, between the same users and within the send window. `repeated` has the place and the
 * time of the stored message, even if retention has deleted it since. The digests are those of the contents. What is stored of a send
 * contains how many inboxes of the recipient and the sender were deleted. If one of these numbers has changed, the caller treats the id as new.
 */
export const retryOutcome = (digestBefore: string, digest: string): 'repeated' | 'conflict' =>
  digestBefore === digest ? 'repeated' : 'conflict'
