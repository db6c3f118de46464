import 'chat-session/define'
import {
  Component,
  CUSTOM_ELEMENTS_SCHEMA,
  computed,
  effect,
  signal,
  untracked,
  viewChild,
  type ElementRef,
} from '@angular/core'
import type { Message } from 'chat-session'
import type { ChatSessionElement, SessionMessageEvent } from 'chat-session/define'
import { merged } from '../common/messages.ts'
import { freshToken, logIn, loginOf, logOut, readSite } from '../common/site.ts'

const nothing = { state: 'none', unread: 0, messages: [] as Message[] }

@Component({
  selector: '#app',
  // Makes Angular accept tags with a hyphen that are not its components.
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  template: `
    <p>
      {{ login() ? 'Logged in as ' + login()?.user : 'Not logged in' }}
      <button (click)="enter('alice')">Alice</button>
      <button (click)="enter('bob')">Bob</button>
      <button (click)="renew()">New token</button>
      <button (click)="leave()">Log out</button>
    </p>
    <p>
      <output aria-label="State">{{ chat().state }}</output>
      <output aria-label="Unread">{{ chat().unread }}</output>
    </p>
    <ol aria-label="Messages">
      @for (message of chat().messages; track message.offset) {
        <li>{{ message.from }}: {{ message.body }}</li>
      }
    </ol>
    <form aria-label="Send" (submit)="send($event)">
      <label>To <input name="to" required /></label>
      <label>Message <input name="body" required /></label>
      <button>Send</button>
    </form>
    <button (click)="element()?.markRead(chat().messages.at(-1)?.offset ?? 0)">Mark as read</button>
    <fieldset>
      <legend>Rendering by Angular</legend>
      <button (click)="renders.set(renders() + 1)">Render</button>
      <output aria-label="Renders">{{ renders() }}</output>
      <button (click)="mount.set(mount() + 1)">Mount again</button>
      <button (click)="order.set(order().toReversed())">Reorder</button>
      <label>
        <input type="checkbox" [checked]="shown()" (change)="shown.set(!shown())" />
        On the page
      </label>
    </fieldset>
    @for (part of parts(); track part) {
      @if (part === 'notes') {
        <p>Notes</p>
      } @else if (shown()) {
        <!-- Properties, whose names are in camel case. Each render passes another object and another function, which
          restarts nothing. -->
        <chat-session
          #chat
          [appId]="site.appId"
          [endpoint]="site.endpoint"
          [userId]="login()?.user"
          [token]="login()?.token"
          [user]="profileAt(renders())"
          [tokenFetcher]="fetcherAt(renders())"
          (session-state)="read()"
          (session-unread)="read()"
          (session-started)="started()"
          (session-ended)="reset()"
          (session-message)="received($event)"
        ></chat-session>
      }
    }
  `,
})
export class App {
  readonly site = readSite()
  readonly login = signal(loginOf(this.site))
  readonly shown = signal(true)
  readonly order = signal(['chat', 'notes'])
  readonly renders = signal(0)
  readonly mount = signal(0)
  // The item holds the mount count, because Angular computes the keys of old items again: a count in `track` would change both.
  readonly parts = computed(() =>
    this.order().map((part) => (part === 'chat' ? `chat ${this.mount()}` : part)),
  )
  readonly chat = signal(nothing)
  private readonly found = viewChild<ElementRef<ChatSessionElement>>('chat')
  readonly element = computed(() => this.found()?.nativeElement ?? null)

  constructor() {
    // Reads the state of the new element, if there is one.
    effect(() => {
      const element = this.element()
      untracked(() => {
        if (element?.state === 'active') this.started()
        else this.reset()
      })
    })
  }

  profileAt(renders: number): { role: string } {
    return { role: renders < 0 ? 'none' : 'customer' }
  }

  fetcherAt(renders: number): (() => Promise<string | null>) | null {
    return renders < 0 ? null : () => freshToken()
  }

  read(): void {
    const element = this.element()
    if (element) this.chat.update((chat) => ({ ...chat, state: element.state, unread: element.unread }))
  }

  /** Also when the session ends: the next person at this browser must not read the messages. */
  reset(): void {
    this.chat.set(nothing)
    this.read()
  }

  started(): void {
    const element = this.element()
    if (!element) return
    this.reset()
    const { sessionId } = element
    element.history().then(
      (inbox) => {
        if (this.element()?.sessionId === sessionId) this.add(inbox)
      },
      // If the session ends meanwhile, `history()` rejects.
      () => this.read(),
    )
  }

  received({ detail }: SessionMessageEvent): void {
    this.add([detail.message])
  }

  add(more: Message[]): void {
    this.chat.update((chat) => ({ ...chat, messages: merged(chat.messages, more) }))
  }

  async enter(user: string): Promise<void> {
    this.login.set(await logIn(user))
  }

  async leave(): Promise<void> {
    await logOut()
    await this.element()?.end()
    this.login.set(null)
  }

  async renew(): Promise<void> {
    const token = await freshToken()
    if (token) this.login.update((login) => login && { ...login, token })
  }

  async send(event: Event): Promise<void> {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const { to, body } = Object.fromEntries(new FormData(form)) as { to: string; body: string }
    await this.element()?.send({ to, body })
    form.reset()
  }
}
