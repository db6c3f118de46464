/** A free port, for a server that can't be given 0 or that goes away and comes back. */
export const freePort: () => Promise<number>
