import { LitElement, type PropertyValues } from 'lit'
import { ActivityLog } from '../activity-log.js'
import { PanelSession } from './panel-session.js'
import { sampleUsers, settingsFor, type Settings } from '../settings.js'

/** Another user, to write to. */
export interface Peer {
  id: string
  name: string
}

/** Milliseconds between two renders of a countdown. */
const COUNTDOWN_INTERVAL = 200

/** A user of the page. */
export interface User {
  key: number
  initial: Settings
  /** Whether the element is put into the page at once. */
  starts: boolean
}

export type Language = 'HTML' | 'JavaScript' | 'React'

/** `problem` is the error of a request of the playground itself. */
const initialView = {
  tab: 'Events',
  language: 'HTML' as Language,
  copyResult: '',
  isBusy: false,
  problem: '',
}
type PanelView = typeof initialView & { settings: Settings }

/** The session and the settings of one user of the page. Emits `change`. Buttons in the panel emit `close` and `write-later`. */
export class Panel extends LitElement {
  static override properties = {
    user: { attribute: false },
    peers: {
      attribute: false,
      hasChanged: (now: unknown, before: unknown) => JSON.stringify(now) !== JSON.stringify(before),
    },
    shown: { state: true },
  }

  declare user: User
  /** The other users of the app. */
  declare peers: readonly Peer[]
  declare shown: PanelView

  readonly #changed = (): void => this.requestUpdate()
  readonly log = new ActivityLog(this.#changed)
  #session: PanelSession | undefined
  #countdown: ReturnType<typeof setTimeout> | undefined

  constructor() {
    super()
    this.user = { key: 0, initial: settingsFor(sampleUsers[0]), starts: false }
    this.peers = []
    this.shown = { ...initialView, settings: this.user.initial }
  }

  get settings(): Settings {
    return this.shown.settings
  }

  /** Must not be read before the panel is in the page. */
  get session(): PanelSession {
    // The element is a child of the panel, which shows it in a slot. So the element is in the document itself, as in any page.
    const places = [...this.querySelectorAll<HTMLElement>('.place')]
    return (this.#session ??= new PanelSession(places, this.log, this.#changed))
  }

  /** This user, for the other panels. */
  get peer(): Peer | null {
    const { userId, method, profile } = this.settings
    const { user } = this.session.view
    const id = user?.id ?? (method === 'guest' && userId ? `guest:${userId}` : userId)
    return id ? { id, name: user?.name ?? (profile.name || id) } : null
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.show({ settings: this.user.initial, tab: this.user.starts ? 'Events' : 'Log-in' })
    if (this.user.starts) this.attempt(() => this.session.mount(this.settings))
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    void this.session.close()
  }

  override focus(): void {
    this.renderRoot.querySelector('h2')?.focus()
  }

  protected override updated(changed: PropertyValues<this>): void {
    clearTimeout(this.#countdown)
    if (this.session.view.retryAt !== null)
      this.#countdown = setTimeout(() => this.requestUpdate(), COUNTDOWN_INTERVAL)
    // The page sets `peers` when a panel changes. If the panel emitted `change` then, page and panels would update each other for ever.
    if (!changed.has('peers') || changed.size > 1) this.dispatchEvent(new Event('change'))
  }

  show(change: Partial<PanelView>): void {
    this.shown = { ...this.shown, ...change }
  }

  change(change: Partial<Settings>): void {
    this.show({ settings: { ...this.settings, ...change } })
    this.session.update(this.settings)
  }

  /** Does `work`. If it fails, shows why. */
  readonly attempt = (work: () => unknown): void => {
    this.show({ isBusy: true })
    new Promise((resolve) => resolve(work())).then(
      () => this.show({ isBusy: false, problem: '' }),
      (error: unknown) =>
        this.show({ isBusy: false, problem: `The development gateway failed. ${String(error)}` }),
    )
  }

  async mount(): Promise<void> {
    await this.session.mount(this.settings)
    await this.updateComplete
    // On a phone the state is above the button that was pressed, and perhaps out of view.
    const state = this.renderRoot.querySelector('.state')
    if (state && state.getBoundingClientRect().top < 0) state.scrollIntoView({ block: 'center' })
  }

  async changeUser(): Promise<void> {
    this.show({ settings: (await this.session.changeUser()) ?? this.settings })
  }
}
