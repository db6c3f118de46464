// Profiles the process that it runs in, on Node or on Bun: its CPU time by the file that spent it, or its memory by what holds it.
import { readdirSync, readFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { performance } from 'node:perf_hooks'

const isOnBun = 'bun' in process.versions

/** Microseconds between two samples. */
const INTERVAL = 200

/** The threads that V8 starts before any other: one for delayed tasks, and its four workers. */
const V8_THREADS = 5

/** The threads that take the samples. */
const isSampler = (name) => name === 'v8:ProfEvntProc' || name === 'thread'

/** Returns the nanoseconds of CPU of each thread, by its number. Empty on systems without /proc. */
const threads = () => {
  let ids
  try {
    ids = readdirSync('/proc/self/task')
  } catch {
    return []
  }
  return ids.flatMap((id) => {
    try {
      const name = readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim()
      const nanoseconds = Number(readFileSync(`/proc/self/task/${id}/schedstat`, 'utf8').split(' ')[0])
      return [{ id: Number(id), name, nanoseconds }]
    } catch {
      // The thread has ended since.
      return []
    }
  })
}

/** What a thread does. Those of V8 have no names on Node 20: their ids follow the main thread's. */
const roleOf = ({ id, name }, index) => {
  if (id === process.pid) return 'main'
  if (isOnBun) {
    if (/JIT|JSC/.test(name)) return 'compiler'
    return /Heap|Collector/.test(name) ? 'collector' : 'other'
  }
  return index <= V8_THREADS ? 'collector and compiler' : 'other'
}

/** Returns the microseconds of CPU of the threads with each role. */
const cpuByRole = () => {
  const sorted = threads().toSorted((one, other) => one.id - other.id)
  const sums = {}
  for (const [index, thread] of sorted.entries()) {
    if (isSampler(thread.name)) continue
    const role = roleOf(thread, index)
    sums[role] = (sums[role] ?? 0) + thread.nanoseconds / 1_000
  }
  return sums
}

/**
 * Calls `add` with a node of a tree of calls and each below it, and with its name: the file of its function or, of a native function, its
 * own name and the file of its nearest caller that has one.
 */
const visit = (node, childrenOf, add, caller = '') => {
  const { url, functionName } = node.callFrame
  add(node, url || `${functionName} ${caller}`)
  for (const child of childrenOf(node)) visit(child, childrenOf, add, url || caller)
}

/** Milliseconds for which `spin` runs. */
const SPIN = 100

/** Keeps the main thread busy in one function. */
const spin = () => {
  const end = performance.now() + SPIN
  while (performance.now() < end);
}

/**
 * Profiles the CPU time of the process. Returns a function that ends this and resolves with microseconds by the names of `visit`. Without
 * /proc there is the main thread alone.
 */
export const profileCpu = async () => {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL })
  await session.post('Profiler.start')
  const atStart = cpuByRole()
  // JavaScriptCore takes samples only while it runs a function: those of this one show how much CPU time a sample stands for.
  if (isOnBun) spin()
  const before = cpuByRole()
  return async () => {
    const after = cpuByRole()
    const { nodes, samples, startTime, endTime } = (await session.post('Profiler.stop')).profile
    session.disconnect()
    const byId = new Map(nodes.map((node) => [node.id, node]))
    const childrenOf = ({ children = [] }) => children.map((id) => byId.get(id))
    const hits = Object.create(null)
    let [busy, own] = [0, 0]
    visit(nodes[0], childrenOf, ({ hitCount }, name) => {
      if (/^\((idle|root)\)/.test(name)) return
      if (name.includes(import.meta.url)) return (own += hitCount)
      hits[name] = (hits[name] ?? 0) + hitCount
      busy += hitCount
    })
    const { main = 0, ...others } = Object.fromEntries(
      Object.keys(after).map((role) => [role, after[role] - (before[role] ?? 0)]),
    )
    // Without /proc the time of `spin` counts as CPU time.
    const interval = isOnBun
      ? (before.main - atStart.main || SPIN * 1_000) / own
      : (endTime - startTime) / samples.length
    // The signals of V8's profiler cost CPU time while the server is idle. If the machine is busy, a sample takes longer than its CPU time.
    const sampled = main > 0 ? Math.min(busy * interval, main) : busy * interval
    return {
      ...Object.fromEntries(Object.entries(hits).map(([name, count]) => [name, (sampled * count) / busy])),
      ...Object.fromEntries(
        Object.entries(others).map(([role, microseconds]) => [`(threads) ${role}`, microseconds]),
      ),
      ...(isOnBun && main > 0 && { '(outside of functions)': main - sampled }),
    }
  }
}

/**
 * Returns the bytes of resident memory. On Linux without mapped files: the kernel loads and drops pages of the program as it likes, 12 MB
 * between two readings on a machine with little memory.
 */
const residentBytes = () =>
  process.platform === 'linux'
    ? 1_024 * Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1])
    : process.memoryUsage.rss()

/**
 * Collects garbage. On Node as a debugger does, which also makes the young generation small again: `gc()` leaves it as large as the
 * allocations before have made it, up to 32 MB.
 */
const collectGarbage = async () => {
  if (isOnBun) return globalThis.gc()
  const session = new Session()
  session.connect()
  await session.post('HeapProfiler.collectGarbage')
  session.disconnect()
}

/** Resolves with bytes, after a collection: of the whole process, and of the heap, with its live objects last. */
export const readMemory = async () => {
  await collectGarbage()
  const rss = residentBytes()
  if (isOnBun) {
    const { heapStats } = await import('bun:jsc')
    const { heapSize, heapCapacity, extraMemorySize } = heapStats()
    return { rss, free: heapCapacity - heapSize, external: extraMemorySize, live: heapSize - extraMemorySize }
  }
  const { heapTotal, heapUsed, external } = process.memoryUsage()
  return { rss, free: heapTotal - heapUsed, external, live: heapUsed }
}

/** Bytes of a heap of JavaScriptCore by the class of an object. */
const bytesByClass = () => {
  const { nodes, nodeClassNames } = globalThis.Bun.generateHeapSnapshot()
  const bytes = Object.create(null)
  // A node has an id, a size, a class and flags.
  for (let index = 0; index < nodes.length; index += 4) {
    const name = nodeClassNames[nodes[index + 2]]
    bytes[name] = (bytes[name] ?? 0) + nodes[index + 1]
  }
  return bytes
}

/**
 * Profiles the heap. Returns a function that ends this and resolves with the bytes of live objects that were made since: on Node by the
 * file of the function that made them, on Bun by their class.
 */
export const profileHeap = async () => {
  if (isOnBun) {
    const before = bytesByClass()
    return () =>
      Object.fromEntries(
        Object.entries(bytesByClass()).map(([name, bytes]) => [
          `class ${name}`,
          Math.max(0, bytes - (before[name] ?? 0)),
        ]),
      )
  }
  const session = new Session()
  session.connect()
  await session.post('HeapProfiler.startSampling', { samplingInterval: 8_192 })
  return async () => {
    const { profile } = await session.post('HeapProfiler.stopSampling')
    session.disconnect()
    const bytes = Object.create(null)
    const childrenOf = ({ children }) => children
    visit(profile.head, childrenOf, ({ selfSize }, name) => (bytes[name] = (bytes[name] ?? 0) + selfSize))
    return bytes
  }
}
