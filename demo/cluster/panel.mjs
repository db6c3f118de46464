import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { html } from 'hono/html'
import { customers, seller } from '../shop/goods.mjs'

const root = fileURLToPath(new URL('.', import.meta.url))

/** The lines of every page of the shop. The script fills the panel. */
export const panel = {
  head: html`<link rel="stylesheet" href="/cluster/public/panel.css" />
    <script type="module" src="/cluster/public/panel.js"></script>`,
  body: html`<section class="cluster" aria-labelledby="cluster-title">
    <h2 id="cluster-title">Which gateway carries which tab</h2>
    <ul class="cluster-nodes" data-cluster-nodes></ul>
    <p class="soft" data-cluster-detached></p>
  </section>`,
}

/**
 * Returns the routes of the panel: its files, the nodes with the sessions that they carry, and the nodes' switches.
 * @param {readonly import('./nodes.mjs').Node[]} nodes
 * @param {ReturnType<import('../shop/chat.mjs').createChat>} chat
 */
export const createPanelRoutes = (nodes, chat) => {
  const people = [...customers, seller]

  /** The sessions of the latest answer, for while a gateway that has just stopped does not answer. */
  let latest = []
  const sessions = async () => {
    latest = (
      await Promise.all(
        people.map(async ({ id, name }) =>
          (await chat.sessions(id)).map((session) => ({ ...session, user: name })),
        ),
      )
    ).flat()
    return latest
  }

  const lastKnown = (/** @type {unknown} */ error) => {
    console.warn(`demo: the panel shows the sessions of its latest answer: ${error}`)
    return latest
  }

  return new Hono()
    .get('/public/*', serveStatic({ root, rewriteRequestPath: (path) => path.replace('/cluster/', '/') }))
    .get('/state', async (context) => {
      const all = await sessions().catch(lastKnown)
      const shown = ({ id, user, state }) => ({ id, user, state })
      const isCarried = (session, node) => session.state === 'active' && session.node === node.id
      return context.json({
        nodes: nodes.map((node) => ({
          name: node.name,
          state: node.state,
          sessions: all.filter((session) => isCarried(session, node)).map(shown),
        })),
        detached: all.filter((session) => !nodes.some((node) => isCarried(session, node))).map(shown),
      })
    })
    .post('/nodes/:name/:action{start|stop|kill}', (context) => {
      const { name, action } = context.req.param()
      const node = nodes.find((each) => each.name === name)
      if (!node) return context.notFound()
      // The panel shows how far it is.
      if (action === 'kill') node.kill()
      else
        void node[action === 'start' ? 'start' : 'stop']().catch((error) =>
          console.error(`demo: ${name}: ${error.message}`),
        )
      return context.body(null, 204)
    })
}
