import { expect } from '@open-wc/testing'
import { useGateway } from './support.js'

describe('<chat-session> takes no room', () => {
  const gateway = useGateway()
  const room = (place: Element): number => {
    const row = document.createElement('div')
    row.style.cssText = 'display: inline-flex; gap: 10px'
    row.innerHTML = '<i style="width: 5px"></i><i style="width: 5px"></i>'
    row.firstElementChild?.after(place)
    document.body.append(row)
    return row.getBoundingClientRect().width
  }

  it('and no gap in a flex container, as an unknown element would', () => {
    expect(room(document.createElement('unknown-element'))).to.equal(30)
    expect(room(gateway.make({}))).to.equal(20)
  })

  it('in a shadow tree neither, by one sheet for all of them', () => {
    const roots = [0, 1].map(() =>
      document.body.appendChild(document.createElement('div')).attachShadow({ mode: 'open' }),
    )
    for (const root of [...roots, ...roots]) {
      const element = gateway.mount({}, root)
      expect(getComputedStyle(element).display).to.equal('contents')
    }
    const sheets = roots.flatMap((root) => root.adoptedStyleSheets)
    expect(sheets).to.have.length(2)
    expect(sheets[0]).to.equal(sheets[1])
  })

  it("unless a rule of the page's says so", () => {
    const style = document.head.appendChild(document.createElement('style'))
    style.textContent = 'chat-session { display: block }'
    expect(getComputedStyle(gateway.mount({})).display).to.equal('block')
    style.remove()
  })
})
