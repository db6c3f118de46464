/** The page of `chat-session dev` on which people try the REST API. It is made from the gateway's own OpenAPI document. */

interface Parameter {
  name: string
  in: 'path' | 'query'
  required: boolean
  description?: string
  schema: { enum?: string[]; examples?: string[] }
}

interface Operation {
  operationId: string
  tags: string[]
  summary: string
  description?: string
  parameters: Parameter[]
  requestBody?: { content: { 'application/json': { example: unknown } } }
  /** Empty for an operation that needs no token. */
  security?: unknown[]
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

/** Returns the nodes of a description, in which text in backticks becomes code. */
const withCode = (text: string): (Node | string)[] =>
  text.split('`').map((part, index) => (index % 2 === 1 ? make('code', {}, part) : part))

const get = async (path: string): Promise<unknown> => {
  const response = await fetch(path)
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}.`)
  return response.json()
}

/** Returns the element of `index.html` for a selector. */
const find = <E extends Element>(selector: string, type: new () => E): E => {
  const found = document.querySelector(selector)
  if (!(found instanceof type)) throw new Error(`The page has no ${selector}.`)
  return found
}

const app = find('#app', HTMLSelectElement)

/** Sends a call to this page's own origin, because no other origin may get the token. Returns the text that the page shows. */
const send = async (method: string, path: string, body: string | undefined): Promise<string> => {
  const { token } = (await get(`/dev/app-token?appId=${encodeURIComponent(app.value)}`)) as { token: string }
  const response = await fetch(new URL(path, location.origin), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
    redirect: 'error',
  })
  const text = await response.text()
  return `${response.status} ${response.statusText}\n${text && JSON.stringify(JSON.parse(text), null, 2)}`
}

/** Returns the form field of a parameter. `id` is the field's id in the page. */
const fieldOf = ({ name, required, description = '', schema }: Parameter, id: string): HTMLElement => {
  const control = schema.enum
    ? make(
        'select',
        { id, name },
        make('option', { value: '' }),
        ...schema.enum.map((value) => make('option', { value }, value)),
      )
    : make('input', {
        id,
        name,
        required,
        autocomplete: 'off',
        value: required ? (schema.examples?.[0] ?? '') : '',
      })
  const hint = make('p', { className: 'hint', id: `${id}-hint` }, ...withCode(description))
  control.setAttribute('aria-describedby', hint.id)
  const label = make('label', { htmlFor: id }, `${name}${required ? '' : ' (optional)'}`)
  return make('div', { className: 'field' }, label, hint, control)
}

/** Returns the path of a call with the values of its form. */
const pathOf = (path: string, parameters: Parameter[], values: ReadonlyMap<string, string>): string => {
  const valueOf = (name: string): string => (name === 'app' ? app.value : (values.get(name) ?? ''))
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && values.get(parameter.name))
    .map(({ name }) => `${name}=${encodeURIComponent(valueOf(name))}`)
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = valueOf(name)
    // A URL parser would remove this segment, and the rest would be the path of another call.
    if (value === '.' || value === '..') throw new Error(`'${value}' is no ${name} id.`)
    return encodeURIComponent(value)
  })
  return query.length === 0 ? filled : `${filled}?${query.join('&')}`
}

const callOf = (method: string, path: string, operation: Operation): HTMLElement => {
  const { operationId, summary, description = '', requestBody } = operation
  const parameters = operation.parameters.filter(({ name }) => name !== 'app')
  const example = requestBody?.content['application/json'].example
  const body =
    requestBody && make('textarea', { name: 'body', rows: 5, value: JSON.stringify(example, null, 2) })
  const output = make('output', {})
  const form = make(
    'form',
    {},
    make('p', {}, ...withCode(description)),
    ...parameters.map((parameter) => fieldOf(parameter, `${operationId}-${parameter.name}`)),
    ...(body ? [make('label', { className: 'field' }, 'Body', body)] : []),
    make('button', {}, 'Send'),
    output,
  )
  const submit = async (): Promise<void> => {
    const values = new Map(
      [...new FormData(form)].map(([name, value]) => [name, typeof value === 'string' ? value : '']),
    )
    const shown = make('pre', { tabIndex: 0 })
    try {
      shown.textContent = await send(method.toUpperCase(), pathOf(path, parameters, values), body?.value)
    } catch (error) {
      shown.textContent = String(error)
    }
    output.replaceChildren(shown)
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })
  return make(
    'details',
    {},
    make('summary', {}, make('code', {}, `${method.toUpperCase()} ${path}`), ` ${summary}`),
    form,
  )
}

const show = async (): Promise<void> => {
  const { apps } = (await get('/dev/apps')) as { apps: string[] }
  app.append(...apps.map((value) => make('option', { value }, value)))
  const { tags, paths } = (await get('/v1/openapi.json')) as Document
  const calls = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, { security }]) => security?.length !== 0)
      .map(([method, operation]) => ({ tag: operation.tags[0], element: callOf(method, path, operation) })),
  )
  for (const { name, description } of tags)
    find('main', HTMLElement).append(
      make('h2', {}, name),
      make('p', {}, description),
      ...calls.filter(({ tag }) => tag === name).map(({ element }) => element),
    )
}

show().catch((error: unknown) =>
  find('main', HTMLElement).append(make('p', { role: 'alert' }, `The page can't be shown. ${String(error)}`)),
)
