const sheets = new WeakMap<Document, CSSStyleSheet>()

/**
 * Gives the element `display: contents` in the document or shadow root that it stands in. All roots of a document share one
 * constructed sheet. A Content-Security-Policy that forbids inline styles allows it, and `:where()` lets any rule of the page win.
 */
export const adoptStyle = (root: Node): void => {
  const document = root.ownerDocument ?? (root as Document)
  const view = document.defaultView
  if (!view || !('adoptedStyleSheets' in root)) return
  let sheet = sheets.get(document)
  if (!sheet) {
    sheet = new view.CSSStyleSheet()
    sheet.replaceSync(':where(chat-session){display:contents}')
    sheets.set(document, sheet)
  }
  const owner = root as Document | ShadowRoot
  if (!owner.adoptedStyleSheets.includes(sheet)) owner.adoptedStyleSheets.push(sheet)
}
