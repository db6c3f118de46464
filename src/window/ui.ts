import type { ChatSessionElement } from '../element/chat-session.js'
import { createPageDrawings } from './behaviour/page-drawings.js'
import { fit, isTooLong, sends } from './behaviour/text-field.js'
import { createAccount, type Account } from './client/account.js'
import { deleteDrafts } from './client/drafts.js'
import type { Upload } from './client/uploads.js'
import { previewOf } from './content/attachments.js'
import { complain } from './complain.js'
import { emit } from './emit.js'
import { conversationOf } from './model/conversations.js'
import { isLogOut } from './words/end-word.js'
import { threadOf, type Conversation } from './model/model.js'
import { statusOf, type Status } from './model/status.js'
import { loadFiles, type Files, type Launcher } from './on-demand/load.js'
import type { DrawnMessage, Message, PeerId, RenderMessage, RenderPeer, UploadFile } from './types.js'
import { words as english, type Words } from './words/en.js'
import type { Texts } from './words/fill.js'
import { wordsLanguage } from './words/languages.js'
import { loadWords } from './words/load-words.js'
import { timesOf, type Times } from './words/times.js'

/** What the element tells the rest of the window. */
export interface Host extends HTMLElement {
  peer?: string | number | null | undefined
  launcher?: boolean | null | undefined
  open?: boolean | null | undefined
  sendKey?: string | null | undefined
  texts?: Texts | null | undefined
  renderMessage?: RenderMessage | null | undefined
  renderPeer?: RenderPeer | null | undefined
  upload?: UploadFile | null | undefined
  requestUpdate(): void
}

/** What the window shows, and what the user does in it. The views read it and call it, and the element draws them. */
export class Ui {
  /** The `<chat-session>`. */
  session: ChatSessionElement | null = null
  account: Account | undefined
  /** The files that the page's `upload` has not answered yet. */
  uploads: readonly Upload[] = []
  files: typeof Files | undefined
  /** The conversation that is open, and the one that was open before. */
  shown: PeerId | undefined
  lastShown: PeerId | undefined
  search = ''
  isTooLong = false
  announcement = ''
  /** Those of the page's language, with the page's own in their place. */
  words: Words = english
  /** The tags of the languages that apply. */
  tags: readonly string[] | undefined
  times: Times = timesOf([])
  /** Whether the user can see the end of the thread. */
  isEndSeen = false
  /** Set if the window is a launcher. It is not drawn before. */
  launcher: typeof Launcher | undefined
  /** Where the focus goes after the next drawing: to the first of these that is there. */
  focusNext: readonly string[] = []

  readonly #host: Host
  /** Undefined until they are loaded. */
  #words: Words | undefined
  /** A conversation to open when the user is known, and what the page calls its peer. */
  #wanted: { peer: PeerId; name?: string | undefined } | undefined
  /** Ends the listeners on the session. */
  #following = new AbortController()
  readonly #drawMessage = createPageDrawings('renderMessage')
  readonly #drawPeer = {
    list: createPageDrawings('renderPeer'),
    header: createPageDrawings('renderPeer'),
  }

  constructor(host: Host) {
    this.#host = host
  }

  draw(): void {
    this.#host.requestUpdate()
  }

  /** The conversation of the attribute `peer`. */
  get ownPeer(): string | undefined {
    return this.#host.peer?.toString() || undefined
  }

  /** Takes the page's words in place of the window's own. Whatever is no text is left out. */
  setTexts(): void {
    const words = this.#words ?? english
    const isText = ([key, text]: [string, unknown]): boolean => key in words && typeof text === 'string'
    const own = Object.fromEntries(Object.entries(this.#host.texts ?? {}).filter(isText))
    this.words = { ...words, ...own }
    this.draw()
  }

  /** Takes the words of the first of these languages that has some. */
  async speak(tags: readonly string[]): Promise<void> {
    if (tags.join() === this.tags?.join()) return
    this.tags = tags
    this.times = timesOf(tags)
    const language = wordsLanguage(tags)
    let words: Words | undefined
    try {
      if (language !== 'en') words = await loadWords(language)
    } catch (error) {
      complain(`no words in ${language}`, error)
    }
    if (this.tags !== tags) return
    this.#words = words ?? english
    this.setTexts()
  }

  /** Shows this session from now on. */
  follow(session: ChatSessionElement | null): void {
    this.#following.abort()
    this.#forget()
    this.session = session
    const { signal } = (this.#following = new AbortController())
    this.draw()
    if (!session) return
    session.addEventListener('session-state', () => this.#sync(session), { signal })
    session.addEventListener('session-unread', () => this.draw(), { signal })
    // A tag whose script comes later has no state until then.
    void customElements.whenDefined('chat-session').then(() => signal.aborted || this.#sync(session))
    this.#sync(session)
  }

  /** Takes over the state of the session. */
  #sync(session: ChatSessionElement): void {
    const { state, error } = session
    const user = session.session?.user?.id
    const isOver = state === 'idle' || state === 'ended' || state === 'failed'
    if (isOver || (user && user !== this.account?.model.user)) this.#forget()
    const hasLoggedOut = state === 'idle' ? session.getAttribute('user-id') === '' : isLogOut(error?.code)
    if (isOver && hasLoggedOut && session.isConnected) deleteDrafts(session)
    if (user && !isOver && !this.account) this.#welcome(session, user)
    if (state === 'active') this.account?.active()
    else this.account?.inactive()
    this.draw()
  }

  #welcome(session: ChatSessionElement, user: string): void {
    deleteDrafts(session, user)
    this.account = createAccount(session, user, {
      changed: () => this.draw(),
      isSeen: (peer) => this.#isSeen(peer),
      arrived: (message) => this.#arrived(message),
    })
    const { peer, name } = this.#wanted ?? { peer: this.ownPeer }
    this.#wanted = undefined
    if (peer !== undefined) this.open(peer, name)
  }

  /** Empties everything, because the session is over or another user's. */
  #forget(): void {
    const { shown } = this
    this.account?.end()
    this.account = this.shown = this.lastShown = undefined
    this.uploads = []
    this.search = this.announcement = ''
    this.isTooLong = false
    if (shown !== undefined) emit(this.#host, 'chat-window-close', { peer: shown })
  }

  /** Opens a conversation; undefined: none. */
  open(peer: PeerId | undefined, name?: string): void {
    const { account, shown } = this
    if (!account) this.#wanted = peer === undefined ? undefined : { peer, name }
    else if (peer !== shown) {
      this.shown = peer
      this.lastShown = shown
      this.isTooLong = false
      this.announcement = ''
      if (shown !== undefined) {
        account.close(shown)
        emit(this.#host, 'chat-window-close', { peer: shown })
      }
      if (peer !== undefined) emit(this.#host, 'chat-window-open', { peer })
    }
    if (peer !== undefined) account?.open(peer, name)
    this.draw()
  }

  /** The user opens a conversation. */
  choose(peer: PeerId): void {
    this.open(peer)
    // On a phone the focus of the field would open the keyboard.
    this.focusNext = matchMedia('(pointer: coarse)').matches ? ['.log'] : ['textarea', '.log']
  }

  /** The user goes back to the list. */
  leave(): void {
    this.open(undefined)
    this.focusNext = ['.conversation[tabindex="0"]', '.search']
  }

  /** The user opens or closes the window of a launcher. */
  toggle(): void {
    const { open } = this.#host
    this.#host.open = !open
    this.focusNext = open ? ['.launcher'] : ['textarea', '.search', '.close']
  }

  escape(): boolean {
    const { launcher, open } = this.#host
    if (launcher ? !open : this.shown === undefined || this.ownPeer !== undefined) return false
    if (launcher) this.toggle()
    else this.leave()
    return true
  }

  searchFor(text: string): void {
    this.search = text
    this.draw()
  }

  nameOf({ id, name }: Pick<Conversation, 'id' | 'name'>): string {
    const thread = this.account && threadOf(this.account.model, id)
    const told = name ?? thread?.messages.filter(({ from }) => from === id).at(-1)?.sender?.name
    if (told?.trim()) return told
    return id === null ? this.words.backend : id.startsWith('guest:') ? this.words.guest : id
  }

  isOnline(peer: PeerId): boolean {
    return peer !== null && this.account?.model.online.has(peer) === true
  }

  isTyping(peer: PeerId): boolean {
    return (this.account?.model.typing.get(peer) ?? 0) > Date.now()
  }

  /** What the page draws in place of photo and name; undefined for the window's own drawing. */
  drawnPeer(conversation: Conversation, place: 'list' | 'header'): Node | undefined {
    const { id, photoUrl, unread, newest } = conversation
    const peer = { id, name: this.nameOf(conversation), photoUrl, unread, newest }
    return this.#drawPeer[place](this.#host.renderPeer, conversation, peer)
  }

  /** What the page draws in a message's bubble; undefined for the window's own drawing. */
  drawnMessage(message: DrawnMessage): Node | undefined {
    return this.#drawMessage(this.#host.renderMessage, message, message)
  }

  /** Whether a message shows anything. */
  isDrawn(message: DrawnMessage): boolean {
    return previewOf(message, this.words.image) !== '' || this.drawnMessage(message) !== undefined
  }

  followLink(event: Event, url: string): void {
    if (!emit(this.#host, 'chat-window-link', { url })) event.preventDefault()
  }

  #isSeen(peer: PeerId): boolean {
    return peer === this.shown && document.visibilityState === 'visible' && this.isEndSeen
  }

  /** The end of the thread may be seen now: what is there is read. */
  seeEnd(): void {
    if (this.shown === undefined || !this.#isSeen(this.shown)) return
    this.account?.seen(this.shown)
  }

  /** Says a message of the open conversation to a screen reader. */
  #arrived(message: Message): void {
    const { from } = message
    if (!this.account || from !== this.shown) return
    const name = this.nameOf(conversationOf(this.account.model, from))
    const said = `${name}: ${previewOf(message, this.words.image)}`
    // A text that does not change is not spoken again.
    this.announcement = said === this.announcement ? `${said}\u00a0` : said
  }

  get log(): Element | null {
    return this.#host.shadowRoot?.querySelector('.log') ?? null
  }

  get field(): HTMLTextAreaElement | null {
    return this.#host.shadowRoot?.querySelector('textarea') ?? null
  }

  scrollToEnd(): void {
    this.log?.scrollTo(0, 0)
  }

  /** A new field gets the text that was begun. */
  fillField(field: HTMLTextAreaElement): void {
    field.value = (this.shown !== undefined && this.account?.drafts.read(this.shown)) || ''
    fit(field)
  }

  /** The text in the field has changed. */
  typed(): void {
    const { account, field, shown } = this
    if (!account || !field || shown === undefined) return
    fit(field)
    account.drafts.write(shown, field.value)
    const text = field.value.trim()
    if (text) account.typing(shown)
    if (this.isTooLong !== isTooLong(text)) this.draw()
    this.isTooLong = isTooLong(text)
  }

  /** Sends the text in the field. */
  send(): void {
    const { account, field, shown } = this
    const body = field?.value.trim()
    if (!account || !field || !body || typeof shown !== 'string' || this.isTooLong) return
    field.value = ''
    this.typed()
    account.send(shown, { body })
    this.scrollToEnd()
  }

  pressed(event: KeyboardEvent): void {
    if (!sends(event, this.#host.sendKey)) return
    event.preventDefault()
    this.send()
  }

  get canUpload(): boolean {
    return typeof this.#host.upload === 'function'
  }

  /** Gives files to the page's `upload`. Returns false if it has none. */
  attach(files: Iterable<File> | null | undefined): boolean {
    const all = [...(files ?? [])]
    if (!this.canUpload || !all.length) return false
    for (const file of all) void this.#attach(file)
    return true
  }

  /** Loads the button for files. A page without `upload` has none. */
  async loadFiles(): Promise<void> {
    this.files = await loadFiles()
    this.draw()
  }

  async #attach(file: File): Promise<void> {
    const { account, shown } = this
    const files = await loadFiles()
    const { upload } = this.#host
    if (!account || account.signal.aborted || typeof shown !== 'string' || !upload) return
    const set = (before: Upload | undefined, after: Upload | undefined): void => {
      const others = this.uploads.filter((each) => each !== before)
      this.uploads = after ? [...others, after] : others
      this.draw()
    }
    await files.start(shown, file, upload, set, (data) => account.send(shown, { data }), account.signal)
  }

  get status(): Status {
    const { account, ownPeer, session } = this
    const thread = account && ownPeer !== undefined ? threadOf(account.model, ownPeer) : undefined
    const hasLoaded = thread ? thread.isLoaded || !!thread.failure : account?.model.isListed
    // Turbo shows a copy of the page, in which no session starts, until the page itself has loaded.
    const isPreview = document.documentElement.hasAttribute('data-turbo-preview')
    return statusOf({
      state: isPreview ? undefined : session === null ? null : session.state,
      hasError: session?.state === 'starting' ? !!session.error : !thread && !!account?.model.listFailure,
      isOnline: navigator.onLine,
      hasData: !!hasLoaded && !!this.#words,
    })
  }

  /** Whether there is nothing to show yet. */
  get isEmpty(): boolean {
    const { account, ownPeer } = this
    if (!account) return false
    if (ownPeer === undefined) return account.model.isListed && !account.model.conversations.size
    const { isLoaded, messages, outgoing } = threadOf(account.model, ownPeer)
    return isLoaded && !messages.length && !outgoing.length
  }

  /** The account, if the words are there, and something of the account, which stays while the rest comes. */
  get content(): Account | undefined {
    const { account, ownPeer, shown } = this
    const hasContent = ownPeer === undefined ? account?.model.isListed : shown !== undefined
    return this.#words && hasContent ? account : undefined
  }
}
