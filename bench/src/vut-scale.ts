/**
 * Ten thousand VUT connections on one socket, over loopback.
 *
 * Two processes, each with one `VUDPEndpoint`, so that every connection is between the same two addresses and is told by its
 * ids alone. Told are the memory of idle connections, both of their ends together; what it costs to keep them alive by the
 * default rhythm of 15 s; handshakes; and what a datagram costs, with its protection, its acknowledgement and its share of
 * timers, among 10 connections and among 10,000: messages of 8000 bytes in datagrams of 1200 go out on one connection after
 * the other, ten at a time in both cases, and each is answered. `single` tells the same of messages that are one datagram:
 * then a connection is out of the processor's caches for each of them, and its acknowledgement has nothing to travel with.
 * Costs are processor time of both processes, which a busy machine disturbs less than the clock. The 10,000 are made once for
 * all rounds, so memory and keep-alives are measured once.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench, BenchSubject } from './harness.js'
import { type Remote, startProcess } from './lib/processes.js'
import type { PeerCalls, ScaleUsage } from './scale/peer.js'

const MANY = 10_000
const FEW = 10
/** Connections that are there before the first measurement. */
const WARMING = 100
const HANDSHAKES = 500
const AT_ONCE = 32
const MESSAGE_BYTES = 8000
const MESSAGES = 5000
/** A message that one datagram holds. */
const SINGLE_BYTES = 1000
const SINGLES = 10_000
const MESSAGES_AT_ONCE = 10
/** What must be quiet before keep-alives are watched: late acknowledgements of the last handshakes. */
const SETTLE_MS = 1000
/** The rhythm of keep-alives: in this time every connection has had one. */
const KEEP_ALIVE_MS = 15_000

/** Both processes, and the connections between them. */
class Crowd {
  readonly #server: Remote<PeerCalls>
  readonly #client: Remote<PeerCalls>
  /** Messages have passed on all of its connections. */
  isWarm = false
  #port = 0
  #sessions = 0

  constructor() {
    const file = join(import.meta.dirname, 'scale', 'peer.js')
    this.#server = startProcess<PeerCalls>(file, ['server'])
    this.#client = startProcess<PeerCalls>(file, ['client'])
  }

  async bind(): Promise<void> {
    this.#port = await this.#server.bind()
    await this.#client.bind()
  }

  /** Lets the server know the next sessions. */
  async expect(count: number): Promise<void> {
    await this.#server.expect(this.#sessions, count)
  }

  /** Opens sessions that are expected. */
  async open(count: number): Promise<number> {
    const first = this.#sessions
    this.#sessions += count
    return await this.#client.open(this.#port, first, count, AT_ONCE)
  }

  async drop(): Promise<void> {
    await this.#client.drop()
  }

  async messages(count: number, sizeBytes: number): Promise<void> {
    await this.#server.messageBytes(sizeBytes)
    await this.#client.messageBytes(sizeBytes)
    await this.#client.messages(count, MESSAGES_AT_ONCE)
  }

  async memory(): Promise<number> {
    return (await this.#server.memory()) + (await this.#client.memory())
  }

  async usage(): Promise<ScaleUsage> {
    const [server, client] = [await this.#server.usage(), await this.#client.usage()]
    return { cpuS: server.cpuS + client.cpuS, datagrams: server.datagrams + client.datagrams }
  }

  async stop(): Promise<void> {
    await Promise.all([this.#server.stop(), this.#client.stop()])
  }
}

let crowd: Crowd | undefined
/** What was found when all were made: connections a megabyte, and keep-alives a second of processor time. */
let perMegabyte = 0
let keepAlives = 0
let few: Crowd | undefined
let fleeting: Crowd | undefined

async function crowdOf(count: number): Promise<Crowd> {
  const made = new Crowd()
  await made.bind()
  await made.expect(count)
  await made.open(count)
  return made
}

/** All the connections: they are made once, as that is what takes long, and told is what they took. */
async function theCrowd(): Promise<Crowd> {
  if (crowd !== undefined) return crowd
  const made = await crowdOf(WARMING)
  await made.expect(MANY)
  await sleep(SETTLE_MS)
  const before = await made.memory()
  await made.open(MANY)
  await sleep(SETTLE_MS)
  perMegabyte = MANY / (((await made.memory()) - before) / 1e6)
  crowd = made
  return made
}

/** Keep-alives a second of processor time: each connection has one. Watched once, as it takes as long as their rhythm. */
async function keptAlive(): Promise<number> {
  if (keepAlives > 0) return keepAlives
  const made = await theCrowd()
  const before = await made.usage()
  await sleep(KEEP_ALIVE_MS)
  const after = await made.usage()
  if (after.datagrams - before.datagrams < MANY) {
    throw new Error(`${after.datagrams - before.datagrams} datagrams kept ${MANY} connections alive`)
  }
  keepAlives = MANY / (after.cpuS - before.cpuS)
  return keepAlives
}

/** Datagrams a second of processor time. */
async function datagrams(made: Crowd, isSingle: boolean): Promise<number> {
  const [count, sizeBytes] = isSingle ? [SINGLES, SINGLE_BYTES] : [MESSAGES, MESSAGE_BYTES]
  // Every connection once: what it makes for its first message is made, and so is the engine's optimised code.
  if (!made.isWarm) await made.messages(MANY, MESSAGE_BYTES)
  made.isWarm = true
  const before = await made.usage()
  await made.messages(count, sizeBytes)
  const after = await made.usage()
  return (after.datagrams - before.datagrams) / (after.cpuS - before.cpuS)
}

async function amongFew(isSingle: boolean): Promise<number> {
  few ??= await crowdOf(FEW)
  return await datagrams(few, isSingle)
}

async function amongMany(isSingle: boolean): Promise<number> {
  return await datagrams(await theCrowd(), isSingle)
}

function measured(subject: string, unit: string, value: () => Promise<number>): BenchSubject {
  return { subject, unit, load: 0, run: () => 0, value }
}

function handshakes(): BenchSubject {
  return {
    subject: 'handshakes',
    unit: 'conn/s',
    load: HANDSHAKES,
    prepare: async () => {
      fleeting ??= await crowdOf(1)
      await fleeting.drop()
      await fleeting.expect(HANDSHAKES)
    },
    run: async () => (await fleeting?.open(HANDSHAKES)) ?? 0,
  }
}

/** VUT with very many connections on one socket. */
export const bench: Bench = {
  name: 'vut-scale',
  what: '10,000 VUT connections on one socket: memory, keep-alives, handshakes, the cost of a datagram',
  subjects: () => [
    handshakes(),
    measured('memory_10000', 'conn/MB', async () => {
      await theCrowd()
      return perMegabyte
    }),
    measured('keep_alive_10000', 'keep-alives/CPU-s', keptAlive),
    measured('datagrams_10', '1/CPU-s', () => amongFew(false)),
    measured('datagrams_10000', '1/CPU-s', () => amongMany(false)),
    measured('single_10', '1/CPU-s', () => amongFew(true)),
    measured('single_10000', '1/CPU-s', () => amongMany(true)),
  ],
  ratios: [
    { key: 'scale_10_vs_10000', of: 'datagrams_10000', over: 'datagrams_10', target: 0.67 },
    { key: 'single_10_vs_10000', of: 'single_10000', over: 'single_10' },
  ],
  rounds: 5,
  measure: { warmupRounds: 0 },
}
