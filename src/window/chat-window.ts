import { LitElement, type PropertyDeclarations } from './base.js'
import { createBackEntry } from './behaviour/back-entry.js'
import { keepPlace } from './behaviour/reading-place.js'
import { createSight } from './behaviour/sight.js'
import { findSession, watchRoots } from './client/find-session.js'
import { complain } from './complain.js'
import { loadLauncher } from './on-demand/load.js'
import { stylesOf } from './styles/styles.js'
import type { RenderMessage, RenderPeer, UploadFile } from './types.js'
import { Ui } from './ui.js'
import { frame } from './views/frame.js'
import type { Texts } from './words/fill.js'
import { languagesOf } from './words/languages.js'

/** Some frameworks write the text `false` for an attribute that is not set. */
const converter = (value: string | null): boolean => value !== null && value !== 'false'

/**
 * `<chat-window>` is a window for the conversations of a `<chat-session>`: the list and the thread, one conversation alone with `peer`, or
 * a round button that opens it with `launcher`.
 *
 * @tagname chat-window
 * @slot empty - What to do as long as there is no conversation, or no message.
 * @slot logged-out - What to do as long as no user is logged in.
 * @slot header - The head of the thread, in place of the peer's photo and name.
 */
export class ChatWindowElement extends LitElement {
  static override properties: PropertyDeclarations = {
    for: {},
    peer: {},
    launcher: { converter },
    open: { converter },
    sendKey: { attribute: 'send-key' },
    texts: { attribute: false },
    renderMessage: { attribute: false },
    renderPeer: { attribute: false },
    upload: { attribute: false },
  }

  /** The id of the `<chat-session>` to use. @default the first one of the document */
  declare for: string | null | undefined
  /** A user id: the window has this conversation alone, without a list. */
  declare peer: string | number | null | undefined
  /** Show a round button that opens and closes the window. */
  declare launcher: boolean | null | undefined
  /** Whether the window of a `launcher` is open. The button, Escape and `show()` change it. */
  declare open: boolean | null | undefined
  /** `enter`, or `ctrl-enter`: then Enter begins a line. @default enter */
  declare sendKey: 'enter' | 'ctrl-enter' | null | undefined
  /** Words in place of the window's own, by key. */
  declare texts: Texts | null | undefined
  /** Draws a message: returns a node for its bubble, or undefined for the usual drawing. */
  declare renderMessage: RenderMessage | null | undefined
  /** Draws a peer: returns a node in place of photo and name, or undefined for the usual drawing. */
  declare renderPeer: RenderPeer | null | undefined
  /** Stores a file that the user pastes or chooses, and returns its address. */
  declare upload: UploadFile | null | undefined

  readonly #ui = new Ui(this)
  readonly #internals = this.attachInternals()
  #isDressed = false
  /** Aborts when the window leaves the document. */
  #life = new AbortController()
  /** Puts the log back to the place where the user reads. Set while the window is drawn. */
  #restorePlace: (() => void) | undefined
  /** The field whose text has been filled in: that of another thread is a new one. */
  #field: HTMLTextAreaElement | null = null
  readonly #back = createBackEntry(() => this.requestUpdate())
  readonly #end = createSight((isSeen) => {
    this.#ui.isEndSeen = isSeen
    this.#ui.seeEnd()
  })
  readonly #older = createSight((isSeen) => {
    const { account, shown } = this.#ui
    if (isSeen && shown !== undefined) account?.loadOlder(shown)
  })
  readonly #more = createSight((isSeen) => isSeen && this.#ui.account?.loadMore())

  constructor() {
    super()
    // Vue sets a property to true for an attribute without a value only if the property holds a boolean.
    this.launcher = this.open = false
  }

  /**
   * Opens the conversation with a user, also one that has no message yet; null is the app's backend, which can only be read. A launcher opens,
   * too. `name` is shown until the gateway knows the user's name.
   */
  show(peer: string | number | null, { name }: { name?: string | undefined } = {}): void {
    if (this.launcher) this.open = true
    this.#ui.open(peer === null ? null : String(peer), name)
    this.#ui.focusNext = ['textarea', '.log']
  }

  /** Closes the conversation. A window with `peer` goes back to that one; if it is a launcher, it closes. */
  close(): void {
    const { ownPeer, shown } = this.#ui
    if (ownPeer !== undefined && shown === ownPeer) this.open = false
    else this.#ui.open(ownPeer)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    const { signal } = (this.#life = new AbortController())
    watchRoots(this, () => this.#look(), signal)
    for (const type of ['online', 'offline']) addEventListener(type, () => this.requestUpdate(), { signal })
    document.addEventListener('visibilitychange', () => this.#ui.seeEnd(), { signal })
    addEventListener('popstate', () => this.#back.isLeft() && this.#ui.leave(), { signal })
    this.#look()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#life.abort()
    this.#ui.follow(null)
    for (const sight of [this.#end, this.#older, this.#more]) sight.watch(null)
  }

  /** `moveBefore()` calls this in place of the other two, so that the window stays as it is. */
  connectedMoveCallback(): void {
    this.#look()
  }

  /** Finds the session and the language, after something has changed that may give others. */
  #look(): void {
    const session = findSession(this, this.for)
    if (session !== this.#ui.session) this.#ui.follow(session)
    void this.#ui.speak(languagesOf(this))
  }

  protected override createRenderRoot(): HTMLElement | DocumentFragment {
    return this.shadowRoot ?? this.attachShadow({ mode: 'open' })
  }

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    const { account, log, ownPeer } = this.#ui
    if (changed.has('for')) this.#look()
    if (changed.has('texts')) this.#ui.setTexts()
    if (changed.has('peer') && account) this.#ui.open(ownPeer)
    this.#restorePlace = log ? keepPlace(log) : undefined
    if (changed.has('upload') && this.#ui.canUpload)
      this.#ui.loadFiles().catch((error: unknown) => complain('no files', error))
    if (changed.has('launcher')) void this.#dress()
  }

  /** Takes its styles, and is drawn once they are there. */
  async #dress(): Promise<void> {
    const isLauncher = !!this.launcher
    try {
      const launcher = isLauncher ? await loadLauncher() : undefined
      if (!this.shadowRoot || isLauncher !== !!this.launcher) return
      this.#ui.launcher = launcher
      this.shadowRoot.adoptedStyleSheets = stylesOf(launcher?.launcherStyles)
      this.#isDressed = true
      this.requestUpdate()
    } catch (error) {
      complain('no launcher', error)
    }
  }

  protected render(): unknown {
    return this.#isDressed ? frame(this.#ui, !!this.launcher, !!this.open) : undefined
  }

  protected override updated(): void {
    const { shadowRoot } = this
    if (!shadowRoot) return
    const { account, field, focusNext, isEmpty, shown, status } = this.#ui
    const isThreadSeen = shown !== undefined && (!this.launcher || !!this.open)
    this.#showStates(status, isEmpty && /ready|offline/.test(status) && 'empty', isThreadSeen && 'thread')
    if (field && field !== this.#field) this.#ui.fillField(field)
    this.#field = field
    this.#restorePlace?.()
    const find = (selector: string) => shadowRoot.querySelector<HTMLElement>(selector)
    this.#end.watch(find('.end'))
    this.#older.watch(find('.older'), find('.log'))
    this.#more.watch(find('.more'), find('.rows'))
    // What came while the end was in sight.
    this.#ui.seeEnd()
    // Where the list and the thread are not seen together, the browser's back leads from one to the other.
    const back = find('.back')
    this.#back.set(isThreadSeen && !!account && !!back && getComputedStyle(back).display !== 'none')
    this.#ui.focusNext = []
    focusNext.map(find).find(Boolean)?.focus({ preventScroll: true })
  }

  #showStates(...names: (string | false)[]): void {
    const { states } = this.#internals
    try {
      states.clear()
      for (const name of names) if (name) states.add(name)
    } catch {
      // Chrome before 125 throws on names without a leading `--`, and does not know `:state()` either.
    }
  }
}

export * from './events.js'
export type {
  DrawnMessage,
  DrawnPeer,
  PeerId,
  RenderMessage,
  RenderPeer,
  UploadFile,
  Uploaded,
  UploadOptions,
} from './types.js'
export type { Texts } from './words/fill.js'
export type { WordKey } from './words/en.js'
