/** The page of `chat-session dev` on which people try the REST API. It is made from the gateway's own OpenAPI document. */

interface Operation {
  tags: string[]
  summary: string
  description?: string
  parameters?: { name: string; required: boolean; description: string; schema: { examples?: string[] } }[]
  requestBody?: { content: { 'application/json': { example: unknown } } }
}

interface Document {
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
}

const make = <K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] => {
  const element = Object.assign(document.createElement(name), properties)
  element.append(...children)
  return element
}

const get = async (path: string): Promise<unknown> => {
  const response = await fetch(path)
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}.`)
  return response.json()
}

const app = make('select', {})
const main = make('main', {}, make('label', {}, 'App ', app))

/** Returns the path of a call with these values. Values without a place in the path are its query. */
const pathOf = (template: string, values: Map<string, string>): string => {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values.get(name) ?? ''
    // A browser would remove this segment, and the rest would be the path of another call.
    if (value === '.' || value === '..') throw new Error(`'${value}' is no ${name} id.`)
    values.delete(name)
    return encodeURIComponent(value)
  })
  return `${path}?${new URLSearchParams([...values].filter(([, value]) => value)).toString()}`
}

/** Sends a call to this page's own origin, because no other origin may get the token. Returns the text that the page shows. */
const send = async (method: string, path: string, body: string | null): Promise<string> => {
  const { token } = (await get(`/dev/app-token?appId=${app.value}`)) as { token: string }
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(path, { method, headers, body, redirect: 'error' })
  const text = await response.text()
  return `${response.status} ${response.statusText}\n${text && JSON.stringify(JSON.parse(text), null, 2)}`
}

const callOf = (method: string, path: string, call: Operation): HTMLElement => {
  const form = make('form', {}, call.description ?? '')
  const inputs = (call.parameters ?? [])
    .filter(({ name }) => name !== 'app')
    .map(({ name, required, description, schema }) => {
      const value = required ? (schema.examples?.[0] ?? '') : ''
      const input = make('input', { name, required, value, autocomplete: 'off' })
      const label = required ? name : `${name} (optional)`
      form.append(make('label', {}, label, input), make('small', {}, description))
      return input
    })
  const example = JSON.stringify(call.requestBody?.content['application/json'].example, null, 2)
  const body = call.requestBody && make('textarea', { rows: 5, value: example })
  const output = make('output', {})
  form.append(...(body ? [make('label', {}, 'Body', body)] : []), make('button', {}, 'Send'), output)
  const submit = async (): Promise<void> => {
    const values = new Map(inputs.map(({ name, value }) => [name, value])).set('app', app.value)
    output.value = await send(method, pathOf(path, values), body?.value ?? null)
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    submit().catch((error: unknown) => (output.value = String(error)))
  })
  const title = make('code', {}, `${method} ${path}`)
  return make('details', {}, make('summary', {}, title, ' ', call.summary), form)
}

const show = async (): Promise<void> => {
  const { apps } = (await get('/dev/apps')) as { apps: string[] }
  app.append(...apps.map((id) => make('option', {}, id)))
  const { tags, paths } = (await get('/v1/openapi.json')) as Document
  for (const { name, description } of tags) {
    main.append(make('h2', {}, name), make('p', {}, description))
    for (const [path, calls] of Object.entries(paths))
      for (const [method, call] of Object.entries(calls))
        if (call.tags.includes(name)) main.append(callOf(method.toUpperCase(), path, call))
  }
}

document.body.append(main)
show().catch((error: unknown) =>
  main.append(make('p', { role: 'alert' }, `The page can't be shown. ${String(error)}`)),
)
