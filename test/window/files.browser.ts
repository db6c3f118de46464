// Files that the user pastes or chooses, and the page's `upload`.
import { expect } from '@open-wc/testing'
import { useGateway } from '../element/support.js'
import { until } from '../support/until.js'
import type { UploadFile, UploadOptions } from '../../src/window/types.js'
import { mountWindow, type TestWindow } from './support.js'

const picture = new File(['a picture'], 'mug.png', { type: 'image/png' })
const bill = new File(['a bill'], 'bill.pdf', { type: 'application/pdf' })

/** Pastes files into the field. Returns false if the window took them. */
const paste = ({ find }: TestWindow, ...files: File[]): boolean => {
  const clipboardData = new DataTransfer()
  for (const file of files) clipboardData.items.add(file)
  // Firefox makes no ClipboardEvent with files.
  const event = new Event('paste', { bubbles: true, cancelable: true, composed: true })
  return find('[part=input]').dispatchEvent(Object.assign(event, { clipboardData }))
}

describe('Files in the chat window', () => {
  const gateway = useGateway()
  const url = (name: string): string => `https://files.example/${name}`

  const open = async (name: string, upload?: UploadFile) => {
    const bob = await mountWindow(gateway, `${name}-bob`, { peer: `${name}-ann`, ...(upload && { upload }) })
    await until('the field', () => bob.all('[part=input]').length, 1)
    return bob
  }

  it('leaves a paste to the page if it sets no `upload`, and pasted text always', async () => {
    const bob = await open('none')
    expect(paste(bob, picture)).to.equal(true)
    expect(bob.all('input[type=file]').length).to.equal(0)
    bob.element.upload = () => ({ url: url('a') })
    await until('the button', () => bob.all('input[type=file]').length, 1)
    expect(paste(bob), 'a text has no files').to.equal(true)
    expect(bob.all('.upload').length).to.equal(0)
  })

  it('shows how much is done, and sends a picture as one and the rest as a file', async () => {
    const started: { file: File; options: UploadOptions; answer: (value: { url: string }) => void }[] = []
    const bob = await open(
      'send',
      (file, options) => new Promise((answer) => started.push({ file, options, answer })),
    )
    expect(paste(bob, picture, bill)).to.equal(false)
    await until('both', () => started.length, 2)
    const bars = (): (number | undefined)[] =>
      (bob.all('progress') as HTMLProgressElement[]).map((bar) =>
        bar.hasAttribute('value') ? bar.value : undefined,
      )
    expect(bars(), 'it is not known').to.deep.equal([undefined, undefined])
    started[0]?.options.progress(0.25)
    started[0]?.options.progress(NaN)
    started[1]?.options.progress(7)
    await until('the progress', () => [...bars()].sort().join(), '0.25,1')
    for (const { file, answer } of started) answer({ url: url(file.name) })
    await until('what was sent', () => bob.all('[part~=own]').length, 2)
    await until('no file is on its way', () => bob.all('.upload').length, 0)
    const [image] = bob.all('[part=image] img') as HTMLImageElement[]
    expect([image?.src, image?.alt]).to.deep.equal([url('mug.png'), 'mug.png'])
    expect(bob.texts('[part=file]')).to.deep.equal(['bill.pdf1 kB'])
  })

  it('cancels an upload that never answers, and an answer that comes later is not sent', async () => {
    let options: UploadOptions | undefined
    let answer: ((value: { url: string }) => void) | undefined
    const bob = await open('wait', (_, given) => {
      options = given
      return new Promise((resolve) => (answer = resolve))
    })
    paste(bob, picture)
    await until('the file', () => bob.texts('.upload bdi').join(), 'mug.png')
    bob.find('.upload button').click()
    await until('it is gone', () => bob.all('.upload').length, 0)
    expect(options?.signal.aborted).to.equal(true)
    answer?.({ url: url('late.png') })
    bob.write('After it')
    await until('the next message', () => bob.bodies().join(), 'After it')
    expect(bob.all('[part=image]').length).to.equal(0)
  })

  it('says that a file was not sent, whatever `upload` answers or throws, and goes on', async () => {
    const { warn } = console
    const warned: unknown[] = []
    console.warn = (...args: unknown[]) => warned.push(args[0])
    const answers: (() => unknown)[] = [
      () => Promise.reject(new Error('of the page')),
      () => {
        throw new Error('of the page')
      },
      () => undefined,
      () => ({ url: 'javascript:alert(1)' }),
      () => ({ url: 7 }),
    ]
    const bob = await open('fail', () => answers.pop()?.() as never)
    for (let count = 1; count <= 5; count += 1) {
      paste(bob, bill)
      await until('the sentence', () => bob.all('.upload[role=alert]').length, count)
    }
    console.warn = warn
    expect(bob.texts('.upload')[0]).to.contain('The file was not sent.')
    expect(warned).to.deep.equal(Array(5).fill('chat-window: a file was not uploaded'))
    bob.find('.upload button').click()
    await until('one is put away', () => bob.all('.upload').length, 4)
    bob.write('It goes on')
    await until('a message', () => bob.bodies().join(), 'It goes on')
  })

  it('aborts at the log-out, and shows nothing of it after that', async () => {
    let options: UploadOptions | undefined
    const bob = await open('out', (_, given) => {
      options = given
      return new Promise(() => undefined)
    })
    paste(bob, picture)
    await until('the file', () => bob.all('.upload').length, 1)
    await bob.chat.end()
    expect(options?.signal.aborted).to.equal(true)
    await until('it is empty', () => bob.all('.upload').length, 0)
  })
})
