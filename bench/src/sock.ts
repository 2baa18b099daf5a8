/**
 * What sockets cost under chains, beside plain `node:net`.
 *
 * Client and server are processes of their own, two for each measurement of each way to program sockets. All of them read up
 * to 64 KiB at once and hold back at most 64 KiB to be written (`maxRead` and `wbufLen`), with TCP over loopback and without
 * delay. The receiver proves a load: it counts it and answers, or sends it back. All that move loads hold the objects of a
 * program besides, see `programObjects`; those whose memory is measured hold nothing.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Bench, BenchRatio, BenchSubject } from './harness.js'
import { type Remote, startProcess } from './lib/processes.js'
import type { PeerCalls, StackName } from './sock/peer.js'

const STACKS: readonly StackName[] = ['net', 'vio', 'native']
const IDLE = 10_000
const CYCLES = 1000
const CYCLES_AT_ONCE = 32
/** Connections that are there before the first measurement. */
const WARMING = 100
/** What a process needs besides the idle connections. */
const SPARE_DESCRIPTORS = 300

const FLOWS = [
  { name: 'oneway_64k', chunkBytes: 65_536, loadBytes: 1024 * 65_536, echo: false },
  { name: 'echo_64k', chunkBytes: 65_536, loadBytes: 512 * 65_536, echo: true },
  { name: 'oneway_1k', chunkBytes: 1024, loadBytes: 16_384 * 1024, echo: false },
  { name: 'echo_1k', chunkBytes: 1024, loadBytes: 8192 * 1024, echo: true },
] as const

/** A process with nothing but its sockets, or with the objects of a program besides. */
function startPeer(stack: StackName, around: 'nothing' | 'program'): Remote<PeerCalls> {
  return startProcess<PeerCalls>(join(import.meta.dirname, 'sock', 'peer.js'), [stack, around])
}

/**
 * Server and client of a subject, with `Opened` between them. They are new in each round: how the allocator of a process
 * goes on is decided by chance in its first moments, and makes twice the difference of anything else.
 */
class Pair<Opened> {
  readonly #stack: StackName
  readonly #open: (server: Remote<PeerCalls>, client: Remote<PeerCalls>) => Promise<Opened>
  #now: { readonly both: readonly Remote<PeerCalls>[]; readonly opened: Opened } | undefined

  constructor(
    stack: StackName,
    open: (server: Remote<PeerCalls>, client: Remote<PeerCalls>) => Promise<Opened>,
  ) {
    this.#stack = stack
    this.#open = open
  }

  get opened(): Opened {
    if (this.#now === undefined) throw new Error('a round has to begin first')
    return this.#now.opened
  }

  async renew(): Promise<void> {
    await Promise.all((this.#now?.both ?? []).map((each) => each.stop()))
    const [server, client] = [startPeer(this.#stack, 'program'), startPeer(this.#stack, 'program')]
    this.#now = { both: [server, client], opened: await this.#open(server, client) }
  }
}

function flowSubject(stack: StackName, flow: (typeof FLOWS)[number]): BenchSubject {
  const { chunkBytes, echo, loadBytes } = flow
  const pair = new Pair(stack, async (server, client) => {
    const port = await server.serve(echo ? 'echo' : 'sink', loadBytes)
    const number = await client.flow({ port, chunkBytes, echo })
    return () => client.run(number, loadBytes)
  })
  return {
    subject: `${stack}_${flow.name}`,
    unit: 'MB/s',
    load: loadBytes,
    loadPerUnit: 1e6,
    begin: () => pair.renew(),
    run: () => pair.opened(),
  }
}

function acceptSubject(stack: StackName): BenchSubject {
  const pair = new Pair(stack, async (server, client) => {
    const port = await server.serve('end', 1)
    return () => client.cycles(port, CYCLES, CYCLES_AT_ONCE)
  })
  return {
    subject: `${stack}_accept`,
    unit: 'conn/s',
    load: CYCLES,
    begin: () => pair.renew(),
    run: () => pair.opened(),
  }
}

/** Idle connections a megabyte, both of their ends together, in fresh processes. */
async function idlePerMegabyte(stack: StackName): Promise<number> {
  const [server, client] = [startPeer(stack, 'nothing'), startPeer(stack, 'nothing')]
  try {
    const port = await server.serve('hold', 1)
    await client.hold(port, WARMING)
    const before = (await server.memory()) + (await client.memory())
    await client.hold(port, IDLE)
    await allAccepted(server, IDLE + WARMING)
    const after = (await server.memory()) + (await client.memory())
    return IDLE / ((after - before) / 1e6)
  } finally {
    await Promise.all([server.stop(), client.stop()])
  }
}

async function allAccepted(server: Remote<PeerCalls>, count: number): Promise<void> {
  for (let waits = 0; (await server.accepted()) < count; waits += 1) {
    if (waits > 500) throw new Error(`${await server.accepted()} of ${count} connections were accepted`)
    await new Promise((again) => setTimeout(again, 20))
  }
}

function memorySubject(stack: StackName): BenchSubject {
  const limit = descriptorLimit()
  const absent = limit < IDLE + SPARE_DESCRIPTORS
  return {
    subject: `${stack}_memory`,
    unit: 'conn/MB',
    load: IDLE,
    run: () => IDLE,
    value: () => idlePerMegabyte(stack),
    ...(absent
      ? { absent: `a process may open ${limit} descriptors, ${IDLE + SPARE_DESCRIPTORS} are needed` }
      : {}),
  }
}

function descriptorLimit(): number {
  try {
    const text = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
    return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text)
  } catch {
    return 0
  }
}

function subjects(): BenchSubject[] {
  return [
    ...FLOWS.flatMap((flow) => STACKS.map((stack) => flowSubject(stack, flow))),
    ...STACKS.map(acceptSubject),
    ...STACKS.map(memorySubject),
  ]
}

function ratiosOf(stack: StackName, suffix: string, targets: readonly number[]): BenchRatio[] {
  const over = (name: string) => ({ of: `${stack}_${name}`, over: `net_${name}` })
  const [large = 1, small = 1, accept = 1, memory = 1] = targets
  return [
    { key: `tcp_64k_vs_net${suffix}`, ...over('echo_64k'), orLess: over('oneway_64k'), target: large },
    { key: `tcp_1k_vs_net${suffix}`, ...over('echo_1k'), orLess: over('oneway_1k'), target: small },
    { key: `accept_vs_net${suffix}`, ...over('accept'), target: accept },
    { key: `memory_vs_net${suffix}`, ...over('memory'), target: memory },
  ]
}

/** TCP under chains, over sockets of Node and over native ones, beside plain `node:net`. */
export const bench: Bench = {
  name: 'sock',
  what: 'TCP over loopback: throughput in writes of 64 and 1 KiB, connections a second, memory of 10,000 idle ones',
  subjects,
  ratios: [...ratiosOf('vio', '', [0.95, 0.8, 0.8, 0.66]), ...ratiosOf('native', '_native', [1, 1, 1, 1])],
  rounds: 5,
  // A process is new in each round, and its code not compiled.
  measure: { warmMs: 500, timedMs: 400, warmupRounds: 0 },
}
