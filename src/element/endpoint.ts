let scriptEndpoint = ''

/** The gateway that served the script; empty if the script came from elsewhere. */
export const endpointOfScript = (): string => scriptEndpoint

/** A gateway serves the script at `https://HOST/v1/chat-session.js`, and at the same path with a version in it. */
export const setScriptUrl = (url: string): void => {
  scriptEndpoint =
    /^(https?:.*)\/v1\/chat-session(-[\w.-]+)?\.js$/.exec(url.replace(/[?#].*/s, ''))?.[1] ?? ''
}
