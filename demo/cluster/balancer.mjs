import { connect, createServer } from 'node:net'

/**
 * Returns a load balancer for TCP. Each connection goes to the running node with the fewest connections: sessions stick to no node.
 * @param {readonly import('./nodes.mjs').Node[]} nodes
 */
export const createBalancer = (nodes) => {
  /** @type {Map<import('./nodes.mjs').Node, number>} */
  const connections = new Map(nodes.map((node) => [node, 0]))
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set()
  const count = (/** @type {import('./nodes.mjs').Node} */ node, /** @type {number} */ change) =>
    void connections.set(node, (connections.get(node) ?? 0) + change)

  const server = createServer((client) => {
    const [node] = nodes
      .filter(({ port }) => port !== undefined)
      .sort((a, b) => (connections.get(a) ?? 0) - (connections.get(b) ?? 0))
    if (node?.port === undefined) return void client.destroy()
    const upstream = connect(node.port, '127.0.0.1')
    count(node, 1)
    const close = () => {
      if (!sockets.delete(client)) return
      count(node, -1)
      client.destroy()
      upstream.destroy()
    }
    sockets.add(client)
    for (const socket of [client, upstream]) socket.setNoDelay(true).on('error', close).on('close', close)
    client.pipe(upstream).pipe(client)
  })
  return {
    server,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
