/** Returns a peer's id as frames have it. */
export const peerId = (id: string | number | null | undefined): string | null | undefined =>
  id === undefined || id === null ? id : String(id)
