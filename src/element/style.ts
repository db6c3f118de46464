const sheets = new WeakMap<Document, CSSStyleSheet>()

/**
 * Gives the element `display: contents` in its document or shadow root. All roots of a document share one constructed sheet. Such a sheet
 * works under a Content-Security-Policy that forbids inline styles. With `:where()` any rule of the page wins.
 */
export const adoptStyle = (element: Element): void => {
  const { ownerDocument } = element
  const view = ownerDocument.defaultView
  const { adoptedStyleSheets } = element.getRootNode() as Partial<Document | ShadowRoot>
  if (!view || !adoptedStyleSheets) return
  let sheet = sheets.get(ownerDocument)
  if (!sheet) {
    sheet = new view.CSSStyleSheet()
    sheet.replaceSync(':where(chat-session){display:contents}')
    sheets.set(ownerDocument, sheet)
  }
  if (!adoptedStyleSheets.includes(sheet)) adoptedStyleSheets.push(sheet)
}
