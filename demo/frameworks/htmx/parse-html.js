/* global Document */
// htmx 4.0.1 calls Document.parseHTMLUnsafe with a second argument. Chromium 143 has the function but throws at that argument,
// and nothing would be swapped. A browser that does so is given the first alone.
{
  const parse = Document.parseHTMLUnsafe
  try {
    parse?.call(Document, '', {})
  } catch {
    Document.parseHTMLUnsafe = (html) => parse.call(Document, html)
  }
}
