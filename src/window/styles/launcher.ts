/** For a window that is opened by a button. The window itself takes no room. */
export const launcherStyles = /* css */ `
  :host {
    display: contents;
  }
  .docked {
    position: fixed;
    inset-block-end: 1.25rem;
    inset-inline-end: 1.25rem;
    z-index: 2147483000;
    display: grid;
    justify-items: end;
    gap: 1rem;
    height: auto;
  }
  .launcher {
    position: relative;
    display: grid;
    place-items: center;
    width: 3.5rem;
    height: 3.5rem;
    color: var(--on-accent);
    background: var(--accent);
    border: 1px solid transparent;
    border-radius: 50%;
    outline-offset: 3px;
    font-size: 2rem;
  }
  .launcher,
  .panel {
    box-shadow: 0 6px 30px rgb(0 0 0 / 28%);
  }
  .launcher > .icon {
    width: 1.6rem;
  }
  .badge {
    position: absolute;
    top: -0.4em;
    font-size: 0.8rem;
    inset-inline-end: -0.4em;
    color: #fff;
    background: #c22117;
  }
  .panel {
    width: min(var(--chat-width, 24rem), 100vw - 2.5rem);
    height: min(var(--chat-height, 38rem), 100dvh - 7rem);
    border-radius: var(--radius);
    animation: appear 0.15s;
  }
  /* The panel is the only part that depends on the viewport: it is laid over it. */
  @media (max-width: 30rem) {
    .panel {
      position: fixed;
      inset: 0;
      width: auto;
      height: auto;
    }
    .panel > .frame {
      border: 0;
      border-radius: 0;
    }
    .panel + .launcher {
      display: none;
    }
  }
`
