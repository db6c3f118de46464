/*
 * A chat window on top of <chat-session>, to copy and to change: the list of conversations, and the thread of one of them.
 *
 *     <chat-session app-id="…" user-id="…" token="…"></chat-session>
 *     <chat-window names='{"nora":"Nora Lind"}'></chat-window>
 *
 * `names` are those of users who have not told theirs in a message.
 * It has no dependency, and works under a strict Content-Security-Policy.
 */
/* global document, HTMLElement, AbortController, customElements */
import { layout, styles } from './style.js'

/** How many conversations are listed, and how many messages are loaded at a time. */
const CONVERSATIONS = 50
const PAGE = 30
/** Milliseconds between two signals while the user types, and for which one holds. */
const TYPING_INTERVAL = 3_000
const TYPING_TTL = 5_000
/** The name of the app's backend, whose messages have no sender. */
const BACKEND = 'Support'

const time = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat([], { weekday: 'long', day: 'numeric', month: 'long' })

const make = (name, className, ...content) => {
  const element = document.createElement(name)
  element.className = className
  element.append(...content)
  return element
}

/** Text that a screen reader speaks as `label`. */
const sign = (className, text, label) => {
  const element = make('span', className, text)
  element.setAttribute('role', 'img')
  element.setAttribute('aria-label', label)
  return element
}

export class ChatWindow extends HTMLElement {
  #root = this.attachShadow({ mode: 'open' })
  #chat
  /** Aborts when the window leaves the document, which takes its listeners away. */
  #life = new AbortController()
  /** `{ id, name, unread, newest }` by the peer's id, which is null for the backend. The one with the newest message is the last. */
  #peers = new Map()
  #online = new Set()
  /** Until when each peer types. */
  #typing = new Map()
  /** The peer of the thread; undefined if none is open. */
  #open
  /** Names by user id, of the attribute. */
  #names = {}
  /** The messages of the thread by id, and the lines above its days by their text. */
  #items = new Map()
  #lines = new Map()
  #oldest = Infinity
  #signaledAt = 0

  constructor() {
    super()
    this.#root.adoptedStyleSheets = [styles]
    this.#root.innerHTML = layout
    this.#find('.back').onclick = () => this.#close()
    this.#find('.older').onclick = () => this.#load(this.#oldest)
    this.#find('section').onkeydown = ({ key }) => {
      if (key === 'Escape') this.#close()
    }
    const [form, text] = [this.#find('form'), this.#find('textarea')]
    text.oninput = () => this.#tellTyping()
    text.onkeydown = (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
      event.preventDefault()
      form.requestSubmit()
    }
    form.onsubmit = (event) => {
      event.preventDefault()
      const body = text.value.trim()
      if (body) this.#send({ id: crypto.randomUUID(), to: this.#open, body })
      text.value = ''
      this.#signaledAt = 0
    }
  }

  connectedCallback() {
    this.#life = new AbortController()
    const { signal } = this.#life
    this.#chat = document.querySelector(this.getAttribute('session') ?? 'chat-session')
    this.#names = JSON.parse(this.getAttribute('names') ?? '{}')
    const on = (type, listener) =>
      this.#chat.addEventListener(type, ({ detail }) => listener(detail), { signal })
    on('session-state', ({ state }) => state === 'active' && this.#loadPeers())
    on('session-message', ({ message }) => this.#onMessage(message))
    on('session-signal', ({ signal: { from, name, until } }) => {
      if (name !== 'typing') return
      this.#typing.set(from, until)
      this.#drawPeers()
      setTimeout(() => this.#drawPeers(), until - Date.now() + 1)
    })
    on('session-presence', ({ users }) => {
      for (const { id, online } of users) this.#online[online ? 'add' : 'delete'](id)
      this.#drawPeers()
    })
    document.addEventListener('visibilitychange', () => this.#markRead(), { signal })
    if (this.#chat.state === 'active') this.#loadPeers()
  }

  disconnectedCallback() {
    this.#life.abort()
  }

  /** Shows the conversation with a user, or with the backend if `id` is null. */
  async open(id) {
    if (!this.#peers.has(id)) this.#peers.set(id, { id, name: this.#names[id] ?? id ?? BACKEND, unread: 0 })
    this.#open = id
    this.#oldest = Infinity
    for (const drawn of [this.#items, this.#lines]) {
      for (const element of drawn.values()) element.remove()
      drawn.clear()
    }
    this.#find('section').hidden = false
    this.#find('.window').classList.add('isOpen')
    this.#drawPeers()
    // A user sends nothing to the backend, which has no inbox.
    this.#find('form').hidden = id === null
    this.#find('textarea').focus()
    await this.#load()
  }

  #close() {
    this.#find('section').hidden = true
    this.#find('.window').classList.remove('isOpen')
    this.#find('[aria-current]')?.focus()
    this.#open = undefined
    this.#drawPeers()
  }

  #find(selector) {
    return this.#root.querySelector(selector)
  }

  async #loadPeers() {
    const { peers } = await this.#chat.peers({ limit: CONVERSATIONS })
    for (const { id, unread, newest } of peers.reverse()) this.#setNewest(id, newest, unread)
    this.#drawPeers()
    const users = peers.flatMap(({ id }) => id ?? [])
    // If the app does not let its users watch each other, nobody is shown as online.
    if (users.length)
      await this.#chat.watch(users).catch(({ code }) => this.setAttribute('no-presence', code))
  }

  async #load(before) {
    const id = this.#open
    const messages = await this.#chat.history({ with: id, limit: PAGE, before })
    if (id !== this.#open) return
    const log = this.#find('.log')
    const fromEnd = before === undefined ? 0 : log.scrollHeight - log.scrollTop
    for (const message of messages) this.#draw(message)
    this.#oldest = Math.min(this.#oldest, messages[0]?.offset ?? Infinity)
    this.#find('.older').hidden = messages.length < PAGE
    log.scrollTop = log.scrollHeight - fromEnd
    this.#markRead()
  }

  #onMessage(message) {
    const { from, to, offset } = message
    const id = from === this.#chat.session.user.id ? to : from
    const { newest, unread = 0 } = this.#peers.get(id) ?? {}
    // `peers()` has counted the older ones.
    const isNew = id === from && offset > (newest?.offset ?? 0)
    this.#setNewest(id, message, unread + (isNew ? 1 : 0))
    if (id === this.#open) this.#draw(message)
    this.#markRead()
    this.#drawPeers()
  }

  #setNewest(id, newest, unread) {
    const told = newest.from === id && newest.sender?.name
    const name = told || this.#peers.get(id)?.name || (this.#names[id] ?? id ?? BACKEND)
    this.#peers.delete(id)
    this.#peers.set(id, { id, name, unread, newest })
  }

  /** A message is read if its conversation is open in a page that is seen. */
  #markRead() {
    const peer = this.#peers.get(this.#open)
    if (!peer?.unread || document.hidden) return
    peer.unread = 0
    this.#drawPeers()
    this.#chat.markRead(peer.newest.offset, { with: peer.id })
  }

  #tellTyping() {
    if (Date.now() < this.#signaledAt + TYPING_INTERVAL) return
    this.#signaledAt = Date.now()
    this.#chat.signal(this.#open, 'typing', { ttl: TYPING_TTL })
  }

  /** Shows the message at once, with a clock until it is stored. */
  async #send(draft) {
    this.#draw({ ...draft, from: this.#chat.session?.user?.id, sentAt: Date.now() }, sign('', '◷', 'waiting'))
    try {
      await this.#chat.send(draft)
    } catch ({ message }) {
      const item = this.#items.get(draft.id)
      const again = make('button', '', 'Try again')
      again.onclick = () => {
        item.remove()
        this.#items.delete(draft.id)
        this.#send(draft)
      }
      item?.lastChild.replaceWith(make('span', 'soft', `Not sent: ${message} `, again))
    }
  }

  /** Puts a message into its place in the thread. What was drawn as waiting gets the sign that it is stored. */
  #draw({ id, offset = Infinity, from, body = '', sentAt }, status = sign('', '✓', 'sent')) {
    const isMine = from !== this.#open
    const drawn = this.#items.get(id)
    if (drawn) {
      drawn.offset = offset
      return isMine && drawn.lastChild.replaceWith(status)
    }
    const [log, list] = [this.#find('.log'), this.#find('ol')]
    const isAtEnd = log.scrollTop + log.clientHeight > log.scrollHeight - 40
    const item = make(
      'li',
      isMine ? 'mine' : 'theirs',
      body,
      ' ',
      make('time', 'soft', time.format(sentAt)),
      ' ',
    )
    item.append(isMine ? status : '')
    this.#items.set(id, item)
    item.offset = offset
    item.day = day.format(sentAt)
    const later = [...list.children].find((other) => other.offset > offset)
    list.insertBefore(item, (later?.day === item.day ? later : this.#lines.get(later?.day)) ?? null)
    if (!this.#lines.has(item.day)) this.#lines.set(item.day, make('li', 'line soft', item.day))
    if (!this.#lines.get(item.day).isConnected) item.before(this.#lines.get(item.day))
    if (isAtEnd || isMine) log.scrollTop = log.scrollHeight
  }

  #isTyping(id) {
    return this.#typing.get(id) > Date.now()
  }

  #drawPeers() {
    const focused = this.#root.activeElement?.parentElement.peer
    const items = [...this.#peers.values()].reverse().map(({ id, name, unread, newest }) => {
      const button = make(
        'button',
        '',
        make('span', '', name, this.#online.has(id) ? sign('', ' ●', 'online') : ''),
      )
      if (unread) button.append(sign('count', unread, `${unread} unread`))
      button.append(make('span', 'last soft', this.#isTyping(id) ? 'types…' : (newest?.body ?? '')))
      if (id === this.#open) button.setAttribute('aria-current', 'true')
      button.onclick = () => this.open(id)
      return Object.assign(make('li', '', button), { peer: id })
    })
    this.#find('.none').hidden = items.length > 0
    this.#find('ul').replaceChildren(...items)
    items.find(({ peer }) => peer === focused)?.firstChild.focus()
    const peer = this.#peers.get(this.#open)
    this.#find('h2').textContent = peer?.name ?? ''
    this.#find('.presence').textContent = this.#online.has(peer?.id) ? 'online' : ''
    this.#find('.typing').textContent = this.#isTyping(peer?.id) ? `${peer.name} types…` : ''
  }
}

customElements.define('chat-window', ChatWindow)
