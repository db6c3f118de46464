/**
 * The gateway that served this script, as an endpoint; empty if none did. A gateway serves its script as `ENDPOINT/v1/chat-session.js`, and
 * with a version in the name. The script-tag build replaces this module, because only its script comes from a gateway.
 */
export const endpointOfScript = '' as string
