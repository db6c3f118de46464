import { html, LitElement, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import './panel/user-panel.js'
import { WRITE_DELAY } from './tabs/notify-tab.js'
import { sampleUsers, settingsFor } from './settings.js'
import { controlStyles } from './styles.js'
import type { Peer, User } from './panel/panel.js'
import type { UserPanel } from './panel/user-panel.js'

/** The greatest number of panels. More would not fit on a screen. */
const MAX_USERS = 6

/** The playground: some users, side by side. It has no shadow root, so that each `<chat-session>` is in the document itself. */
export class PlayGround extends LitElement {
  #lastKey = 0
  #users: readonly User[] = [
    settingsFor(sampleUsers[0]),
    settingsFor(sampleUsers[1]),
    settingsFor({ userId: 'visitor', name: 'Visitor' }, 'guest'),
  ].map((initial) => ({ key: ++this.#lastKey, initial, starts: true }))
  /** The key of the user whose panel a narrow window shows. A wide one shows all. */
  #chosen = 1

  protected override createRenderRoot(): this {
    // The page's own content is for browsers without scripts.
    this.replaceChildren()
    return this
  }

  get #panels(): UserPanel[] {
    return [...this.querySelectorAll<UserPanel>('user-panel')]
  }

  #panelOf({ key }: User): UserPanel | undefined {
    return this.#panels.find(({ id }) => id === `user-${key}`)
  }

  async #add(): Promise<void> {
    const taken = this.#panels.map(({ settings }) => settings.userId)
    const initial = settingsFor(sampleUsers.find(({ userId }) => !taken.includes(userId)) ?? sampleUsers[0])
    this.#users = [...this.#users, { key: ++this.#lastKey, initial, starts: false }]
    this.#choose(this.#lastKey)
    await this.updateComplete
    const panel = this.#panels.at(-1)
    await panel?.updateComplete
    panel?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    panel?.focus()
  }

  #choose(key: number): void {
    this.#chosen = key
    this.requestUpdate()
  }

  #remove({ key }: User): void {
    this.#users = this.#users.filter((user) => user.key !== key)
    this.#choose(this.#chosen === key ? (this.#users[0]?.key ?? 0) : this.#chosen)
    this.querySelector<HTMLElement>('.add')?.focus()
  }

  #othersOf(panel: UserPanel | undefined): UserPanel[] {
    return this.#panels.filter((other) => other !== panel && other.settings.appId === panel?.settings.appId)
  }

  /** The other users of the same app, each once. */
  #peersOf(panel: UserPanel | undefined): Peer[] {
    const peers = this.#othersOf(panel).flatMap(({ peer }) => peer ?? [])
    return [...new Map(peers.map((peer) => [peer.id, peer])).values()].filter(
      ({ id }) => id !== panel?.peer?.id,
    )
  }

  #writeLater(user: User): void {
    setTimeout(() => {
      const panel = this.#panelOf(user)
      const [writer] = this.#othersOf(panel)
      if (writer && panel?.peer)
        void writer.session.thread.send(panel.peer.id, 'You asked for this message five seconds ago.')
    }, WRITE_DELAY * 1000)
  }

  #chip(user: User): TemplateResult {
    const panel = this.#panelOf(user)
    const { state, unread } = panel?.session.view ?? { state: 'idle', unread: 0 }
    const [name] = (panel?.peer?.name ?? user.initial.userId).split(' ')
    return html`<li>
      <a
        class="chip ${state}"
        href="#user-${user.key}"
        aria-current=${user.key === this.#chosen}
        @click=${() => this.#choose(user.key)}
        aria-label="${name}${unread ? ` ${unread} unread` : ''}, ${state}"
        >${name} ${unread ? html`<span class="count">${unread}</span>` : ''}</a
      >
    </li>`
  }

  #panel(user: User): TemplateResult {
    return html`<user-panel
      id="user-${user.key}"
      class=${user.key === this.#chosen ? 'chosen' : ''}
      .user=${user}
      .peers=${this.#peersOf(this.#panelOf(user))}
      @change=${() => this.requestUpdate()}
      @close=${() => this.#remove(user)}
      @write-later=${() => this.#writeLater(user)}
      ><div class="place" slot="first"></div>
      <div class="place" slot="second"></div
    ></user-panel>`
  }

  override render(): TemplateResult {
    return html`<nav class="users" aria-label="Users">
        <ul>
          ${this.#users.map((user) => this.#chip(user))}
        </ul>
        <button class="add" ?disabled=${this.#users.length >= MAX_USERS} @click=${() => this.#add()}>
          <span>Add a user</span>
        </button>
      </nav>
      <div class="panels">
        ${repeat(
          this.#users,
          ({ key }) => key,
          (user) => this.#panel(user),
        )}
      </div>`
  }
}

// The page has the same buttons and colors as the panels in their shadow roots.
if (controlStyles.styleSheet) document.adoptedStyleSheets.push(controlStyles.styleSheet)
customElements.define('play-ground', PlayGround)
