/*
 * What the script for a script tag has in the place of ReactiveElement: as much of it as the element uses, which renders
 * nothing and reflects nothing. Lit's own would be an eighth of the script.
 */

interface Declaration {
  /** False for none. @default the property's name in lower case */
  attribute?: string | false
  converter?: (value: string | null) => unknown
}

export class ReactiveElement extends HTMLElement {
  static properties: Record<string, Declaration> = {}

  /** Asked for when the element is registered: its properties get their accessors then. */
  static get observedAttributes(): string[] {
    return Object.entries(this.properties).flatMap(([name, { attribute = name.toLowerCase() }]) => {
      if (!Object.hasOwn(this.prototype, name))
        Object.defineProperty(this.prototype, name, {
          get(this: ReactiveElement) {
            return this.#values[name]
          },
          set(this: ReactiveElement, value: unknown) {
            const former = this.#values[name]
            this.#values[name] = value
            if (!Object.is(value, former)) this.requestUpdate()
          },
          configurable: true,
          enumerable: true,
        })
      return attribute || []
    })
  }

  readonly #values: Record<string, unknown> = {}
  /** What was set before the upgrade, and stood in the way of the accessors. */
  #given: Record<string, unknown> = {}
  #enable: (() => void) | undefined
  #isPending = false
  #updated = new Promise<void>((resolve) => (this.#enable = resolve))

  constructor() {
    super()
    const own = this as unknown as Record<string, unknown>
    for (const name of Object.keys(this.#declarations))
      if (Object.hasOwn(this, name)) {
        this.#given[name] = own[name]
        Reflect.deleteProperty(own, name)
      }
    this.requestUpdate()
  }

  /** Resolves when all that was set is worked in; not before the element is connected. */
  get updateComplete(): Promise<void> {
    return this.#updated
  }

  get #declarations(): Record<string, Declaration> {
    return (this.constructor as typeof ReactiveElement).properties
  }

  /** Calls `updated` in a microtask, once for all that is set until then. */
  requestUpdate(): void {
    if (this.#isPending) return
    this.#isPending = true
    this.#updated = this.#update(this.#updated)
  }

  async #update(former: Promise<void>): Promise<void> {
    await former.catch(reportError)
    // After the attributes, so that they win over them.
    Object.assign(this, this.#given)
    this.#given = {}
    this.#isPending = false
    this.updated()
  }

  protected updated(): void {
    // For the element.
  }

  connectedCallback(): void {
    this.#enable?.()
  }

  disconnectedCallback(): void {
    // For the element.
  }

  attributeChangedCallback(name: string, _: string | null, value: string | null): void {
    for (const [field, { attribute = field.toLowerCase(), converter }] of Object.entries(this.#declarations))
      if (attribute === name) Object.assign(this, { [field]: converter ? converter(value) : value })
  }
}
