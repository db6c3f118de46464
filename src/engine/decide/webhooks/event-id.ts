/**
 * Returns an event's number, which is in its id; 0 if the text is not the id of an event. The number of a partition may come first: it is
 * outdated if the event was transferred from another engine.
 */
export const seqOf = (eventId: string): number =>
  Number(/^evt_(?:\d+_)?(\d+)_[0-9a-f]*$/.exec(eventId)?.[1] ?? 0)
