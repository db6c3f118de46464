/* global document */
// Shows which gateway carries which tab, and starts and stops the gateways.

/** Milliseconds between two looks at the cluster. */
const PERIOD = 500

const element = document.querySelector('chat-session')
const list = document.querySelector('[data-cluster-nodes]')
const detached = document.querySelector('[data-cluster-detached]')

const make = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

const nameOf = ({ id, user }) => (id === element.sessionId ? `${user} (this tab)` : user)

const buttonsOf = ({ name, state }) => {
  const button = (action, text, isPossible) => {
    const made = make('button', { type: 'button', textContent: text, disabled: !isPossible })
    made.ariaLabel = `${text} ${name}`
    made.dataset.action = `${name} ${action}`
    made.addEventListener('click', () => fetch(`/cluster/nodes/${name}/${action}`, { method: 'POST' }))
    return made
  }
  return [
    button('start', 'Start', state === 'stopped'),
    button('stop', 'Stop', state === 'running'),
    button('kill', 'Kill', state === 'running' || state === 'stopping'),
  ]
}

const nodeOf = (node) => {
  const tabs = node.sessions.map((session) =>
    make('li', { className: session.id === element.sessionId ? 'pill primary' : 'pill' }, nameOf(session)),
  )
  const item = make(
    'li',
    { className: 'cluster-node' },
    make('h3', {}, node.name, ' ', make('small', { className: 'pill', textContent: node.state })),
    tabs.length > 0
      ? make('ul', { className: 'row' }, ...tabs)
      : make('p', { className: 'soft', textContent: 'No tabs' }),
    make('p', { className: 'row' }, ...buttonsOf(node)),
  )
  item.dataset.state = node.state
  return item
}

let shown = ''
const show = (state) => {
  const text = JSON.stringify([state, element.sessionId])
  // Nothing is drawn again without a change, so that a click meets the button that it was meant for.
  if (text === shown) return
  shown = text
  const focused = document.activeElement?.dataset.action
  list.replaceChildren(...state.nodes.map(nodeOf))
  if (focused) list.querySelector(`[data-action="${focused}"]`)?.focus()
  const names = state.detached.map(nameOf).join(', ')
  detached.textContent = names && `No gateway carries: ${names}. The session waits for its tab.`
}

const look = async () => {
  try {
    show(await (await fetch('/cluster/state')).json())
  } catch {
    detached.textContent = 'The demo has ended.'
  }
  setTimeout(look, PERIOD)
}

void look()
