import { html, LitElement, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import './user-panel.js'
import { choiceFor, firstChoices, people, type Choice } from './settings.js'
import type { Peer } from './message-thread.js'
import { LOOK_AWAY } from './notify-card.js'
import type { UserPanel } from './user-panel.js'

/** More would not fit a screen, and prove nothing. */
const MOST_USERS = 6

interface Seat {
  key: number
  choice: Choice
  starts: boolean
}

/** The page: some users, side by side. It has no shadow root, so that their elements are the document's. */
export class PlayGround extends LitElement {
  static override properties = { seats: { state: true } }

  declare seats: readonly Seat[]
  #last = 0

  constructor() {
    super()
    this.seats = firstChoices.map((choice) => ({ key: ++this.#last, choice, starts: true }))
  }

  protected override createRenderRoot(): this {
    // What stands there is for who has no script.
    this.replaceChildren()
    return this
  }

  get #panels(): UserPanel[] {
    return [...this.querySelectorAll('user-panel')]
  }

  async #add(): Promise<void> {
    const taken = this.#panels.map(({ choice }) => choice.userId)
    const person = people.find(({ userId }) => !taken.includes(userId)) ?? people[0]
    this.seats = [...this.seats, { key: ++this.#last, choice: choiceFor(person), starts: false }]
    await this.updateComplete
    const panel = this.#panels.at(-1)
    await panel?.updateComplete
    panel?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    panel?.focus()
  }

  #remove({ key }: Seat): void {
    this.seats = this.seats.filter((seat) => seat.key !== key)
    this.querySelector<HTMLElement>('.add')?.focus()
  }

  /** Those whom somebody can write to: the other users of the same app, each once. */
  #peersOf(panel: UserPanel | undefined): Peer[] {
    const others = this.#panels
      .filter(({ choice }) => choice.appId === panel?.choice.appId)
      .flatMap(({ peer }) => peer ?? [])
    return [...new Map(others.map((peer) => [peer.id, peer])).values()].filter(
      ({ id }) => id !== panel?.peer?.id,
    )
  }

  #writeLater(seat: Seat): void {
    const panel = this.#panelOf(seat)
    setTimeout(() => {
      const writer = this.#panels.find(
        (other) => other !== panel && other.choice.appId === panel?.choice.appId,
      )
      if (writer && panel?.peer)
        void writer.stage.thread.send(panel.peer.id, 'You asked for this while you looked away.')
    }, LOOK_AWAY * 1000)
  }

  #panelOf({ key }: Seat): UserPanel | undefined {
    return this.#panels.find(({ id }) => id === `user-${key}`)
  }

  #chip(seat: Seat): TemplateResult {
    const panel = this.#panelOf(seat)
    const { state, unread } = panel?.stage.view ?? { state: 'idle', unread: 0 }
    const name = panel?.peer?.name ?? seat.choice.userId
    return html`<li>
      <a class="chip ${state}" href="#user-${seat.key}"
        ><span>${name.split(' ')[0]} <span class="unseen">${state}</span></span> ${
          unread ? html`<span class="count">${unread}<span class="unseen"> unread</span></span>` : ''
        }</a
      >
    </li>`
  }

  override render(): TemplateResult {
    return html`<nav class="people" aria-label="Users">
        <ul>
          ${repeat(
            this.seats,
            ({ key }) => key,
            (seat) => this.#chip(seat),
          )}
        </ul>
        <button class="add" ?disabled=${this.seats.length >= MOST_USERS} @click=${() => this.#add()}>
          Add a user
        </button>
      </nav>
      <div class="users">
        ${repeat(
          this.seats,
          ({ key }) => key,
          (seat) =>
            html`<user-panel
              id="user-${seat.key}"
              .first=${seat.choice}
              .peers=${this.#peersOf(this.#panelOf(seat))}
              ?starts=${seat.starts}
              @change=${() => this.requestUpdate()}
              @close=${() => this.#remove(seat)}
              @later=${() => this.#writeLater(seat)}
              ><div class="place" slot="first"></div>
              <div class="place" slot="second"></div
            ></user-panel>`,
        )}
      </div>`
  }
}
customElements.define('play-ground', PlayGround)
