import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import './action-bar.js'
import './code-snippet.js'
import './event-log.js'
import './live-state.js'
import './setup-form.js'
import type { Action, Possible } from './action-bar.js'
import { isNetworkBroken, setNetworkBroken, signOut } from './backend.js'
import { firstChoice, ways, type Choice } from './choice.js'
import { Diary } from './diary.js'
import { look } from './look.js'
import type { ChoiceEvent } from './setup-form.js'
import { Stage } from './stage.js'

/** The page: what a person chose, the element on its stage, and what happened. */
export class PlayGround extends LitElement {
  static override properties = {
    choice: { state: true },
    broken: { state: true },
    busy: { state: true },
    problem: { state: true },
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        gap: 20px;
        align-items: start;
        grid-template-columns: minmax(0, 1fr);
      }
      .live {
        display: grid;
        gap: 20px;
        min-width: 0;
      }
      .problem {
        grid-column: 1 / -1;
        padding: 14px 16px;
        color: var(--bad);
        background: var(--card);
        border: 1px solid currentColor;
        border-radius: 10px;
      }
      @media (min-width: 900px) {
        :host {
          grid-template-columns: minmax(0, 430px) minmax(0, 1fr);
          grid-template-rows: auto 1fr;
        }
        .live {
          grid-column: 2;
          grid-row: 1 / span 2;
        }
      }
    `,
  ]

  declare choice: Choice
  declare broken: boolean
  declare busy: boolean
  /** What this page itself could not do. */
  declare problem: string

  readonly #diary = new Diary()
  readonly #stage = new Stage([...this.querySelectorAll<HTMLElement>('.place')], this.#diary)

  constructor() {
    super()
    this.choice = firstChoice
    this.broken = this.busy = false
    this.problem = ''
    this.#diary.addEventListener('change', () => this.requestUpdate())
    this.#stage.addEventListener('change', () => this.requestUpdate())
    void this.#attempt(async () => (this.broken = await isNetworkBroken()))
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
    if (detail.profile) this.#stage.setProfile(detail.profile)
  }

  async #mount(): Promise<void> {
    await this.#stage.mount(this.choice)
    await this.updateComplete
    // On a phone the state is below what was just pressed.
    const state = this.renderRoot.querySelector('live-state')
    if (state && state.getBoundingClientRect().top > innerHeight / 2) state.scrollIntoView({ block: 'start' })
  }

  async #act(action: Action): Promise<unknown> {
    const stage = this.#stage
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
        await signOut()
        return this.#diary.note('you', 'logged out of the source', 'its next answer is null')
      case 'network':
        this.#diary.note('you', this.broken ? 'mended the network' : 'broke the network')
        return (this.broken = await setNetworkBroken(!this.broken))
    }
  }

  get #possible(): Possible {
    const { made, placed, view, choice } = this.#stage
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
      network: true,
    }
  }

  override render(): TemplateResult {
    const { view, question, placed, made } = this.#stage
    return html`
      ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
      <setup-form
        .choice=${this.choice}
        ?busy=${this.busy}
        ?made=${made}
        @choice=${(event: ChoiceEvent) => this.#choose(event)}
        @go=${() => this.#attempt(() => this.#mount())}
      ></setup-form>
      <div class="live">
        <live-state
          .view=${view}
          .question=${question}
          ?placed=${placed}
          ?made=${made}
          @answer=${({ detail }: CustomEvent<boolean>) => this.#attempt(() => this.#stage.answer(detail))}
          @wake=${() => dispatchEvent(new Event('online'))}
        ></live-state>
        <action-bar
          .possible=${this.#possible}
          ?broken=${this.broken}
          @action=${({ detail }: CustomEvent<Action>) => this.#attempt(() => this.#act(detail))}
          ><slot name="first" slot="first"></slot><slot name="second" slot="second"></slot
        ></action-bar>
        <event-log .entries=${this.#diary.entries} @clear=${() => this.#diary.clear()}></event-log>
      </div>
      <code-snippet .choice=${this.choice}></code-snippet>
    `
  }
}
customElements.define('play-ground', PlayGround)
