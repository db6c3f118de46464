let own = ''

/** The gateway that the script was loaded from; empty when it came from elsewhere. */
export const endpointOfScript = (): string => own

/** `https://HOST/v1/chat-session.js`, or a versioned one, is a gateway's address: its gateway is the endpoint. */
export const setScript = (url: string): void => {
  own = /^(https?:.*)\/v1\/chat-session(-[\w.-]+)?\.js$/.exec(url.replace(/[?#].*/s, ''))?.[1] ?? ''
}
