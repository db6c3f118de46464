const sheets = new WeakMap<Document, CSSStyleSheet>()

/**
 * Has the element take no room in the document or shadow root that it stands in: one constructed sheet a document, which
 * a Content-Security-Policy lets pass where it forbids inline styles. Any rule of the page's overrides it.
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
