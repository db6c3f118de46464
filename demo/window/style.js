// How the chat window looks, and its parts. Colors follow the page's `color-scheme`; below 36rem one of list and thread is shown.
/* global CSSStyleSheet */

export const styles = new CSSStyleSheet()
styles.replaceSync(`
  :host { container-type: inline-size; display: grid; height: 32rem; overflow: hidden; font: 1rem/1.4 system-ui, sans-serif;
    color-scheme: inherit; color: light-dark(#1b1b1f, #ececf1); background: light-dark(#fff, #1b1b1f);
    border: 1px solid light-dark(#77777f, #85858f); border-radius: .5rem }
  [hidden] { display: none !important }
  .window, nav, section, .log { min-height: 0; min-width: 0 }
  .window { display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr) }
  nav { overflow: auto; background: light-dark(#f3f3f6, #24242a) }
  nav p { padding: .8rem }
  nav:has(li) p { display: none }
  section { display: grid; grid-template: auto minmax(0, 1fr) auto auto / minmax(0, 1fr) }
  ul, ol, h2, p { margin: 0; padding: 0; list-style: none }
  button, textarea { font: inherit; color: inherit; background: none; padding: .4rem .7rem; border-radius: .4rem;
    border: 1px solid light-dark(#77777f, #85858f) }
  :focus-visible { outline: 3px solid light-dark(#0b57d0, #a8c7fa); outline-offset: -3px }
  nav button { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 .5rem; width: 100%; padding: .6rem .8rem;
    text-align: start; border: 0; border-radius: 0 }
  nav button > * { pointer-events: none }
  [aria-current] { background: light-dark(#dbe6fb, #2f3d57) }
  .last { grid-column: 1 / -1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
  .count { min-width: 1.5em; text-align: center; border-radius: 1em; background: light-dark(#0b57d0, #a8c7fa);
    color: light-dark(#fff, #10131a) }
  .soft { color: light-dark(#4a4a52, #bdbdc7); font-size: .875rem }
  header { display: flex; gap: .8rem; align-items: center; padding: .5rem .8rem; border-bottom: 1px solid light-dark(#d5d5dc, #3a3a42) }
  h2 { flex: 1; font-size: 1rem }
  .log { overflow: auto; padding: .8rem }
  ol { display: flex; flex-direction: column; gap: .4rem }
  .line { align-self: center }
  .theirs, .mine { max-width: 80%; padding: .4rem .7rem; border-radius: .6rem; overflow-wrap: anywhere; white-space: pre-wrap }
  .theirs { align-self: start; background: light-dark(#ececf1, #303038) }
  .mine { align-self: end; background: light-dark(#dbe6fb, #2f3d57) }
  .typing { min-height: 1.4em; padding: 0 .8rem }
  form { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .3rem .5rem; padding: .3rem .8rem .8rem }
  label { grid-column: 1 / -1 }
  @container (min-width: 36rem) {
    .window { grid-template-columns: 14rem minmax(0, 1fr) }
    .back { display: none }
  }
  @container (max-width: 35.99rem) { .window:has(section:not([hidden])) nav { display: none } }
`)

export const layout = `
  <div class="window">
    <nav aria-label="Conversations"><p class="soft none">No conversations yet.</p><ul></ul></nav>
    <section aria-labelledby="name" hidden>
      <header>
        <button type="button" class="back">Back</button>
        <h2 id="name"></h2>
        <p class="soft presence"></p>
      </header>
      <div class="log" role="log" aria-label="Messages" tabindex="0">
        <button type="button" class="older" hidden>Show older messages</button>
        <ol></ol>
      </div>
      <p class="soft typing" role="status"></p>
      <form>
        <label for="body" class="soft">Message</label>
        <textarea id="body" rows="2" maxlength="4000" required></textarea>
        <button>Send</button>
      </form>
    </section>
  </div>`
