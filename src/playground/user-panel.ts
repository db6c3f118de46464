import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit'
import './action-bar.js'
import './code-snippet.js'
import './event-log.js'
import './line-control.js'
import './live-state.js'
import './message-thread.js'
import './notify-card.js'
import './setup-form.js'
import type { Action, Possible } from './action-bar.js'
import { choiceFor, people, ways, type Choice } from './settings.js'
import { Diary } from './activity-log.js'
import type { ConditionEvent } from './line-control.js'
import { look } from './styles.js'
import type { AgainEvent, Peer, WroteEvent } from './message-thread.js'
import type { ChoiceEvent } from './setup-form.js'
import { Stage } from './panel-session.js'

const tabs = { events: 'Events', log: 'Log-in', element: 'Element', notify: 'Notify', code: 'Code' } as const
type Tab = keyof typeof tabs
const tabNames = Object.keys(tabs) as Tab[]

const initialOf = (name: string): string => String.fromCodePoint(name.codePointAt(0) ?? 32).toUpperCase()

/** One user of the page: a real `<chat-session>` with its line to the gateway, and what a person makes of it. */
export class UserPanel extends LitElement {
  static override properties = {
    first: { attribute: false },
    choice: { state: true },
    peers: {
      attribute: false,
      hasChanged: (now: unknown, before: unknown) => JSON.stringify(now) !== JSON.stringify(before),
    },
    starts: { type: Boolean },
    tab: { state: true },
    busy: { state: true },
    problem: { state: true },
    refusal: { state: true },
  }

  static override styles = [
    look,
    css`
      article {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 18px;
        padding: 18px;
        background: var(--card);
        border: 1px solid var(--line);
        border-radius: 18px;
        box-shadow: var(--shadow);
      }
      .who {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        align-items: center;
        gap: 12px;
      }
      .face {
        display: grid;
        place-items: center;
        width: 44px;
        height: 44px;
        font-weight: 650;
        color: var(--face-ink);
        background: var(--face);
        border-radius: 50%;
      }
      h2 {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      h2:focus {
        outline: none;
      }
      .close {
        display: grid;
        place-items: center;
        width: 44px;
        height: 44px;
        padding: 0;
        font-size: 1.25rem;
        line-height: 1;
        color: var(--soft);
        background: none;
        border-color: transparent;
      }
      .problem {
        color: var(--bad);
        overflow-wrap: anywhere;
      }
      .more {
        border-top: 1px solid var(--line);
        margin: 0 -18px -18px;
      }
      [role='tablist'] {
        display: flex;
        padding: 6px 10px 0;
        border-bottom: 1px solid var(--line);
        overflow-x: auto;
        scrollbar-width: none;
      }
      [role='tab'] {
        flex: 1 0 auto;
        padding: 8px;
        font-size: 0.8125rem;
        color: var(--soft);
        background: none;
        border: 0;
        border-bottom: 2px solid transparent;
        border-radius: 8px 8px 0 0;
      }
      [role='tab']:hover {
        color: var(--ink);
      }
      [role='tab'][aria-selected='true'] {
        color: var(--ink);
        border-bottom-color: var(--accent);
      }
      [role='tab']:focus-visible {
        outline-offset: -3px;
      }
      [role='tabpanel'] {
        padding: 16px 18px 18px;
      }
      @media (max-width: 479px) {
        article {
          padding: 14px;
        }
        .more {
          margin: 0 -14px -14px;
        }
        [role='tablist'] {
          padding-inline: 4px;
        }
        [role='tabpanel'] {
          padding: 14px;
        }
      }
    `,
  ]

  /** What it begins with. */
  declare first: Choice
  declare choice: Choice
  /** Who else is there to write to. */
  declare peers: readonly Peer[]
  /** Begin by putting the element in the page. */
  declare starts: boolean
  declare tab: Tab
  declare busy: boolean
  /** What this page itself could not do. */
  declare problem: string
  declare refusal: string | null

  readonly #diary = new Diary()
  #stage: Stage | undefined

  constructor() {
    super()
    this.first = this.choice = choiceFor(people[0])
    this.peers = []
    this.starts = this.busy = false
    this.tab = 'events'
    this.problem = ''
    this.refusal = null
    this.#diary.addEventListener('change', () => this.requestUpdate())
  }

  /** What the panel shows; there once it is in the page. */
  get stage(): Stage {
    // The element is put in the document itself, where a page would have it, and shown through slots.
    this.#stage ??= new Stage([...this.querySelectorAll<HTMLElement>('.place')], this.#diary)
    return this.#stage
  }

  /** Whom the others write to. */
  get peer(): Peer | null {
    const { userId, way, profile } = this.choice
    const { user } = this.stage.view
    const id = user?.id ?? (way === 'guest' && userId ? `guest:${userId}` : userId)
    return id ? { id, name: user?.name ?? (profile.name || id) } : null
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.choice = this.first
    this.stage.addEventListener('change', () => this.requestUpdate())
    if (this.starts) void this.#attempt(() => this.stage.mount(this.choice))
    else this.tab = 'log'
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    void this.stage.close()
  }

  override focus(): void {
    this.renderRoot.querySelector('h2')?.focus()
  }

  protected override updated(changed: PropertyValues<this>): void {
    // Whoever shows it in a list of users needs to know; what it was told by them is no news.
    if (!changed.has('peers') || changed.size > 1) this.dispatchEvent(new Event('change'))
  }

  /** One thing after the other; what fails is told. */
  async #attempt(work: () => Promise<unknown>): Promise<void> {
    this.busy = true
    try {
      await work()
      this.problem = ''
    } catch (error) {
      this.problem = `This page could not reach the development gateway. ${String(error)}`
    }
    this.busy = false
  }

  #choose({ detail }: ChoiceEvent): void {
    this.choice = { ...this.choice, ...detail }
    if (detail.profile) this.stage.setProfile(detail.profile)
  }

  async #mount(): Promise<void> {
    await this.stage.mount(this.choice)
    await this.updateComplete
    // The state is above what was just pressed.
    const state = this.renderRoot.querySelector('live-state')
    if (state && state.getBoundingClientRect().top < 0) state.scrollIntoView({ block: 'center' })
  }

  async #act(action: Action): Promise<unknown> {
    const { stage } = this
    switch (action) {
      case 'start':
        // What comes of it is seen in the state: nothing waits for it.
        return void stage.start()
      case 'end':
        return stage.end()
      case 'remove':
        return stage.remove()
      case 'putBack':
        return stage.putBack()
      case 'move':
        return stage.move()
      case 'changeUser':
        return (this.choice = (await stage.changeUser()) ?? this.choice)
      case 'renew':
        return stage.renew()
      case 'signOut':
        return stage.signOut()
    }
  }

  get #possible(): Possible {
    const { made, placed, view, choice } = this.stage
    const alive = ['starting', 'active', 'reconnecting'].includes(view.state)
    const way = choice && ways[choice.way]
    return {
      start: placed && !alive,
      end: alive,
      remove: placed,
      putBack: made && !placed,
      move: placed,
      changeUser: placed,
      renew: view.state === 'active' && way?.lifetime !== undefined,
      signOut: alive && (way?.source ?? false),
    }
  }

  #wantNotifications(wanted: boolean): void {
    this.choice = { ...this.choice, notifications: wanted }
    this.stage.setNotifications(wanted)
  }

  async #key(event: KeyboardEvent): Promise<void> {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    this.tab = tabNames.at((tabNames.indexOf(this.tab) + step) % tabNames.length) ?? 'events'
    await this.updateComplete
    this.renderRoot.querySelector<HTMLElement>('[aria-selected="true"]')?.focus()
  }

  #more(): TemplateResult {
    const { stage } = this
    switch (this.tab) {
      case 'events':
        return html`<event-log
          .entries=${this.#diary.entries}
          @clear=${() => this.#diary.clear()}
        ></event-log>`
      case 'log':
        return html`<setup-form
          .choice=${this.choice}
          ?busy=${this.busy}
          ?made=${stage.made}
          @choice=${(event: ChoiceEvent) => this.#choose(event)}
          @go=${() => this.#attempt(() => this.#mount())}
        ></setup-form>`
      case 'element':
        return html`<action-bar
          .possible=${this.#possible}
          @action=${({ detail }: CustomEvent<Action>) => this.#attempt(() => this.#act(detail))}
          ><slot name="first" slot="first"></slot><slot name="second" slot="second"></slot
        ></action-bar>`
      case 'notify':
        return html`<notify-card
          ?on=${this.choice.notifications}
          ?stops=${stage.stopsNotifications}
          ?possible=${stage.placed}
          .from=${this.peers[0]?.name ?? null}
          .permission=${'Notification' in globalThis ? Notification.permission : 'none'}
          .refusal=${this.refusal}
          .notified=${stage.notified}
          @wanted=${({ detail }: CustomEvent<boolean>) => this.#wantNotifications(detail)}
          @stops=${({ detail }: CustomEvent<boolean>) => (stage.stopsNotifications = detail)}
          @ask=${async () => (this.refusal = await stage.requestNotifications())}
          @later=${() => this.dispatchEvent(new Event('later'))}
        ></notify-card>`
      case 'code':
        return html`<code-snippet .choice=${this.choice}></code-snippet>`
    }
  }

  override render(): TemplateResult {
    const { stage } = this
    const { view, question, placed, made, thread, line } = stage
    const { userId, profile, way, appId } = this.choice
    const name = view.user?.name ?? (profile.name || userId || 'Somebody')
    const alive = ['starting', 'active', 'reconnecting'].includes(view.state)
    return html`<article aria-labelledby="name">
      <div class="who">
        <span class="face" aria-hidden="true">${initialOf(name)}</span>
        <div>
          <h2 id="name" tabindex="-1">${name}</h2>
          <p class="hint">${ways[way].label}, app ${appId}</p>
        </div>
        <button
          class="close"
          aria-label="Remove ${name}"
          title="Remove"
          @click=${() => this.dispatchEvent(new Event('close'))}
        >
          ×
        </button>
      </div>
      ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
      <live-state
        .view=${view}
        .question=${question}
        ?placed=${placed}
        ?made=${made}
        @answer=${({ detail }: CustomEvent<boolean>) => this.#attempt(() => stage.answer(detail))}
        @wake=${() => dispatchEvent(new Event('online'))}
      ></live-state>
      <message-thread
        .messages=${thread.messages}
        .outgoing=${thread.outgoing}
        .peers=${this.peers}
        .me=${view.user?.id ?? null}
        .unread=${view.unread}
        ?live=${alive}
        @wrote=${({ detail }: WroteEvent) => void thread.send(detail.to, detail.body)}
        @again=${({ detail }: AgainEvent) => void thread.again(detail)}
        @read=${() => thread.markRead()}
      ></message-thread>
      <line-control
        .condition=${line.condition}
        ?connected=${view.state === 'active'}
        @condition=${({ detail }: ConditionEvent) => this.#attempt(() => stage.setCondition(detail))}
        @cut=${() => this.#attempt(() => stage.cut())}
      ></line-control>
      <div class="more">
        <div
          role="tablist"
          aria-label="More of ${name}"
          @keydown=${(event: KeyboardEvent) => this.#key(event)}
        >
          ${tabNames.map(
            (tab) =>
              html`<button
                role="tab"
                id="tab-${tab}"
                aria-selected=${tab === this.tab}
                aria-controls="panel"
                tabindex=${tab === this.tab ? 0 : -1}
                @click=${() => (this.tab = tab)}
              >
                ${tabs[tab]}
              </button>`,
          )}
        </div>
        <div id="panel" role="tabpanel" aria-labelledby="tab-${this.tab}">${this.#more()}</div>
      </div>
    </article>`
  }
}
customElements.define('user-panel', UserPanel)

declare global {
  interface HTMLElementTagNameMap {
    'user-panel': UserPanel
  }
}
