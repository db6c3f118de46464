import { assert } from '@open-wc/testing'
import { ReactiveElement as Lits } from '../../src/element/base.js'
import { ReactiveElement as Ours } from '../../src/element/script-base.js'

/** What an element of either base shows of itself here. */
interface Probe extends HTMLElement {
  readonly updateComplete: Promise<unknown>
  updates: number
  appId: unknown
  guest: unknown
  user: unknown
}

const bases = { 'lit’s ReactiveElement': Lits, 'the script’s own': Ours as unknown as typeof Lits }

let names = 0

for (const [title, Base] of Object.entries(bases)) {
  class ProbeElement extends Base {
    static override properties = {
      appId: { attribute: 'app-id' },
      token: {},
      guest: { converter: (value: string | null) => value !== null },
      user: { attribute: false as const },
    }
    updates = 0
    protected override createRenderRoot(): this {
      return this
    }
    protected override updated(): void {
      this.updates += 1
    }
  }

  /** A tag that `html` is written with, and what registers it. */
  const stage = (html: (tag: string) => string): { probe: Probe; define: () => void } => {
    const tag = `base-probe-${(names += 1)}`
    const template = document.createElement('template')
    template.innerHTML = html(tag)
    const probe = document.importNode(template.content, true).firstElementChild as Probe
    return { probe, define: () => customElements.define(tag, class extends ProbeElement {}) }
  }

  describe(`An element on ${title}`, () => {
    const placed: Element[] = []
    const place = (probe: Probe): Probe => {
      document.body.append(probe)
      placed.push(probe)
      return probe
    }
    afterEach(() => placed.splice(0).forEach((probe) => probe.remove()))

    it('reads its attributes, by the names and converters that its properties say', async () => {
      const { probe, define } = stage((tag) => `<${tag} app-id="a" guest user="x"></${tag}>`)
      define()
      await place(probe).updateComplete
      assert.deepEqual([probe.appId, probe.guest, probe.user], ['a', true, undefined])
      probe.removeAttribute('guest')
      probe.removeAttribute('app-id')
      assert.deepEqual([probe.appId, probe.guest], [null, false])
    })

    it('updates once for what is set in one task, and not for what stays the same', async () => {
      const { probe, define } = stage((tag) => `<${tag} app-id="a"></${tag}>`)
      define()
      await place(probe).updateComplete
      assert.equal(probe.updates, 1)
      probe.appId = 'b'
      probe.setAttribute('token', 't')
      assert.equal(probe.updates, 1)
      await probe.updateComplete
      assert.equal(probe.updates, 2)
      probe.appId = 'b'
      await probe.updateComplete
      assert.equal(probe.updates, 2)
    })

    it('takes what was set before it was registered, over its attributes', async () => {
      const { probe, define } = stage((tag) => `<${tag} app-id="a"></${tag}>`)
      place(probe).appId = 'set'
      define()
      await probe.updateComplete
      assert.equal(probe.appId, 'set')
      assert.isFalse(Object.hasOwn(probe, 'appId'))
      assert.equal(probe.updates, 1)
    })

    it('does not update before it is connected', async () => {
      const { probe, define } = stage((tag) => `<${tag}></${tag}>`)
      define()
      customElements.upgrade(probe)
      probe.appId = 'a'
      await new Promise((resolve) => setTimeout(resolve))
      assert.equal(probe.updates, 0)
      await place(probe).updateComplete
      assert.equal(probe.updates, 1)
    })

    it('updates for a property that has no attribute', async () => {
      const { probe, define } = stage((tag) => `<${tag} app-id="a"></${tag}>`)
      define()
      await place(probe).updateComplete
      const before = probe.updates
      probe.user = {}
      await probe.updateComplete
      assert.equal(probe.updates, before + 1)
    })
  })
}
