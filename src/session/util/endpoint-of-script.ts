/**
 * The endpoint of the gateway that served this script; empty if no gateway did. A gateway serves its script as
 * `ENDPOINT/v1/chat-session.js`, and also with a version in the name. The script-tag build replaces this module, because only that build
 * comes from a gateway.
 */
export const endpointOfScript = '' as string
