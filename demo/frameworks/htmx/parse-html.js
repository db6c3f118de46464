/* global Document */
// htmx 4.0.1 calls Document.parseHTMLUnsafe with a second argument. Chromium 143 has the function but throws at that argument,
// so htmx would swap nothing. In such a browser this script drops the second argument.
{
  const parse = Document.parseHTMLUnsafe
  try {
    parse?.call(Document, '', {})
  } catch {
    Document.parseHTMLUnsafe = (html) => parse.call(Document, html)
  }
}
