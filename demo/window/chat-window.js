/*
 * A chat window on top of <chat-session>, to copy and to change: the list of conversations, and the thread of one of them.
 *
 *     <chat-session app-id="…" user-id="…" token="…"></chat-session>
 *     <chat-window names='{"nora":"Nora Lind"}'></chat-window>
 *
 * `names` are those of users who have not told theirs in a message. The attribute `problem` has the code of what failed last.
 * It has no dependency, and a strict Content-Security-Policy forbids nothing of it.
 */
/* global document, HTMLElement, AbortController, customElements */
import { layout, styles } from './style.js'

/** How many conversations are listed, and how many messages are loaded at a time. */
const CONVERSATIONS = 50
const PAGE = 30
/** Milliseconds between two signals while the user types, and for which one holds. */
const TYPING_INTERVAL = 3_000
const TYPING_TTL = 5_000

const time = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat([], { weekday: 'long', day: 'numeric', month: 'long' })

const make = (name, className, ...content) => {
  const element = Object.assign(document.createElement(name), { className })
  element.append(...content)
  return element
}

/** Text that a screen reader speaks as `ariaLabel`. */
const sign = (className, text, ariaLabel) =>
  Object.assign(make('span', className, text), { role: 'img', ariaLabel })

export class ChatWindow extends HTMLElement {
  #root = this.attachShadow({ mode: 'open' })
  #chat
  /** Aborts when the window leaves the document, which takes its listeners away. */
  #life
  #names
  /** The id of the user whose conversations are shown. */
  #user
  /** What `peers()` returned last, the one with the newest message first. The `id` of the backend is null. */
  #peers = []
  /** The latest call of `peers()`, and whether it waits for the one before. */
  #load = Promise.resolve()
  #isWaiting = false
  /** Whether each peer that this session watches is online, and until when each one types. */
  #online = new Map()
  #typing = new Map()
  /** The peer of the thread; undefined if none is open. */
  #open
  /** The messages of the thread by id, and the lines above its days by their text. */
  #items = new Map()
  #lines = new Map()
  /** The texts that are not sent yet by peer, and the messages that are not stored yet by id. */
  #texts = new Map()
  #unsent = new Map()
  #signaledAt = 0

  #find = (selector) => this.#root.querySelector(selector)
  /** Resolves with the answer to a call, or with undefined if it fails. */
  #try = (call) => call.catch(({ code }) => this.setAttribute('problem', code))

  constructor() {
    super()
    this.#root.adoptedStyleSheets = [styles]
    this.#root.innerHTML = layout
    const [form, text] = [this.#find('form'), this.#find('textarea')]
    this.#find('.back').onclick = () => this.#close()
    this.#find('.older').onclick = () => this.#loadThread(this.#find('.line + li').offset)
    this.#find('section').onkeydown = ({ key, isComposing }) => {
      if (key === 'Escape' && !isComposing) this.#close()
    }
    text.oninput = () => {
      if (Date.now() < this.#signaledAt + TYPING_INTERVAL) return
      this.#signaledAt = Date.now()
      this.#try(this.#chat.signal(this.#open, 'typing', { ttl: TYPING_TTL }))
    }
    text.onkeydown = (event) => {
      // Safari ends a composition before the key that ended it, which has this code.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return
      event.preventDefault()
      form.requestSubmit()
    }
    form.onsubmit = (event) => {
      event.preventDefault()
      const body = text.value.trim()
      const draft = { id: crypto.randomUUID(), from: this.#user, to: this.#open, body, sentAt: Date.now() }
      if (body) this.#send(draft)
      text.value = ''
      this.#signaledAt = 0
    }
  }

  connectedCallback() {
    this.#life = new AbortController()
    const { signal } = this.#life
    this.#chat = document.querySelector(this.getAttribute('session') ?? 'chat-session')
    this.#names = new Map(Object.entries(JSON.parse(this.getAttribute('names') ?? '{}')))
    const on = (type, listener) => this.#chat.addEventListener(type, listener, { signal })
    on('session-message', ({ detail: { message } }) => {
      const isOwn = message.from === this.#chat.session.user.id
      if ((isOwn ? message.to : message.from) === this.#open) this.#draw(message)
    })
    on('session-signal', ({ detail }) => {
      const { from, name, until } = detail.signal
      if (name !== 'typing') return
      this.#typing.set(from, until)
      this.#drawPeers()
      setTimeout(() => this.#drawPeers(), until - Date.now() + 1)
    })
    on('session-presence', ({ detail }) => {
      for (const { id, online } of detail.users) this.#online.set(id, online)
      this.#drawPeers()
    })
    // A conversation that is read in another tab changes what is unread.
    for (const type of ['session-state', 'session-message', 'session-unread'])
      on(type, () => this.#loadPeers())
    on('session-started', () => this.#online.clear())
    document.addEventListener('visibilitychange', () => this.#markRead(), { signal })
    this.#loadPeers()
  }

  disconnectedCallback() {
    this.#life.abort()
  }

  /** Shows the conversation with a user, with the backend if `id` is null, and none if it is undefined. */
  async open(id) {
    const text = this.#find('textarea')
    this.#texts.set(this.#open, text.value)
    text.value = this.#texts.get(id) ?? ''
    this.#open = id
    for (const drawn of [this.#items, this.#lines]) drawn.clear()
    this.#find('ol').replaceChildren()
    this.#find('.older').hidden = true
    this.#find('section').hidden = id === undefined
    this.#drawPeers()
    if (id === undefined) return
    for (const draft of this.#unsent.values()) if (draft.to === id) this.#draw(draft)
    // A user sends nothing to the backend, which has no inbox.
    this.#find('form').hidden = id === null
    text.focus()
    await this.#loadThread()
  }

  #close() {
    this.#find('section').hidden = true
    this.#find('[aria-current]')?.focus()
    this.open()
  }

  /** Asks for the conversations. All that changes while a call runs is told by the next one. */
  #loadPeers() {
    if (this.#chat.state !== 'active' || this.#isWaiting) return
    const { id } = this.#chat.session.user
    if ((this.#user ??= id) !== id) {
      // The next user must not see what the former one has read or written.
      this.#user = id
      this.#peers = []
      this.open()
      for (const former of [this.#texts, this.#unsent, this.#online, this.#typing]) former.clear()
    }
    this.#isWaiting = true
    this.#load = this.#load.then(async () => {
      this.#isWaiting = false
      const answer = await this.#try(this.#chat.peers({ limit: CONVERSATIONS }))
      if (!answer) return
      this.#peers = answer.peers
      this.#drawPeers()
      this.#markRead()
      const users = answer.peers.flatMap(({ id }) => id ?? [])
      if (users.some((id) => !this.#online.has(id))) this.#try(this.#chat.watch(users))
    })
  }

  async #loadThread(before) {
    const id = this.#open
    const messages = await this.#try(this.#chat.history({ with: id, limit: PAGE, before }))
    if (!messages || id !== this.#open) return
    const log = this.#find('.log')
    const fromEnd = before === undefined ? 0 : log.scrollHeight - log.scrollTop
    for (const message of messages) this.#draw(message)
    const older = this.#find('.older')
    // The thread takes the focus from a button that is no longer there.
    if (messages.length < PAGE && this.#root.activeElement === older) log.focus()
    older.hidden = messages.length < PAGE
    log.scrollTop = log.scrollHeight - fromEnd
    this.#markRead()
  }

  /** A message is read if its conversation is open in a page that is seen. */
  #markRead() {
    const peer = this.#peers.find(({ id }) => id === this.#open)
    if (peer?.unread && !document.hidden)
      this.#try(this.#chat.markRead(peer.newest.offset, { with: peer.id }))
  }

  /** Shows the message at once, with a clock until it is stored. */
  async #send(draft) {
    const show = (status) => {
      this.#unsent.set(draft.id, Object.assign(draft, { status }))
      if (draft.to === this.#open) this.#draw(draft)
    }
    show(sign('', '◷', 'waiting'))
    try {
      await this.#chat.send(draft)
      this.#unsent.delete(draft.id)
    } catch ({ message }) {
      const again = make('button', '', 'Try again')
      again.onclick = () => this.#send(draft)
      show(make('span', 'soft', `Not sent: ${message} `, again))
    }
  }

  /** Puts a message into its place in the thread. One that was drawn as waiting gets the sign that it is stored. */
  #draw({ id, offset = Infinity, from, body = '', sentAt, status = sign('', '✓', 'sent') }) {
    const isMine = from !== this.#open || from === this.#user
    const [log, list, drawn] = [this.#find('.log'), this.#find('ol'), this.#items.get(id)]
    if (drawn && isMine) drawn.lastChild.replaceWith(status)
    if (drawn) return Object.assign(drawn, { offset })
    const isAtEnd = log.scrollTop + log.clientHeight > log.scrollHeight - 40
    const item = make('li', isMine ? 'mine' : 'theirs', body, ' ', make('time', 'soft', time.format(sentAt)))
    item.append(' ', isMine ? status : '')
    Object.assign(item, { offset, day: day.format(sentAt) })
    this.#items.set(id, item)
    const later = [...list.children].find((other) => other.offset > offset)
    list.insertBefore(item, (later?.day === item.day ? later : this.#lines.get(later?.day)) ?? null)
    if (!this.#lines.has(item.day)) {
      this.#lines.set(item.day, make('li', 'line soft', item.day))
      item.before(this.#lines.get(item.day))
    }
    if (isAtEnd || isMine) log.scrollTop = log.scrollHeight
  }

  #drawPeers() {
    const list = this.#find('ul')
    const focused = this.#root.activeElement
    const isNew = this.#open !== undefined && !this.#peers.some(({ id }) => id === this.#open)
    const peers = [...(isNew ? [{ id: this.#open }] : []), ...this.#peers]
    peers.forEach(({ id, name: told, newest, unread }, index) => {
      const name = told ?? this.#names.get(id) ?? id ?? 'Support'
      const isTyping = this.#typing.get(id) > Date.now()
      const isOnline = this.#online.get(id)
      // Each peer keeps its button: no screen reader reads it again, and a click meets what it was meant for.
      const known = [...list.children].find(({ peer }) => peer === id)
      const item = known ?? Object.assign(make('li', '', make('button', '')), { peer: id })
      const [button, before] = [item.firstChild, list.children[index] ?? null]
      button.replaceChildren(make('span', '', name, isOnline ? sign('', ' ●', 'online') : ''))
      if (unread) button.append(sign('count', unread, `${unread} unread`))
      button.append(make('span', 'last soft', isTyping ? 'types…' : (newest?.body ?? '')))
      button.onclick = () => this.open(id)
      button.ariaCurrent = id === this.#open ? 'true' : null
      if (item !== before) list.insertBefore(item, before)
      if (id !== this.#open) return
      this.#find('h2').textContent = name
      this.#find('.presence').textContent = isOnline ? 'online' : ''
      this.#find('.typing').textContent = isTyping ? `${name} types…` : ''
    })
    while (list.children.length > peers.length) list.lastChild.remove()
    // What has moved has lost the focus.
    focused?.focus()
  }
}

customElements.define('chat-window', ChatWindow)
