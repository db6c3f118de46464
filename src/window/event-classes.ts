import {
  ChatWindowCloseEvent,
  ChatWindowLinkEvent,
  ChatWindowOpenEvent,
  type WindowEventMap,
} from './events.js'

type Classes = { [K in keyof WindowEventMap]: new (type: string, init: CustomEventInit) => WindowEventMap[K] }

const classes: Classes = {
  'chat-window-open': ChatWindowOpenEvent,
  'chat-window-close': ChatWindowCloseEvent,
  'chat-window-link': ChatWindowLinkEvent,
}

/** The script-tag build, which exports no classes, replaces this module: its events are CustomEvents. */
export const createEvent = (type: keyof WindowEventMap, init: CustomEventInit): Event => {
  const Class: new (type: string, init: CustomEventInit) => Event = classes[type]
  return new Class(type, init)
}
