/**
 * One relay process with 5,000 rooms in which somebody waits and 500 relayed pairs.
 *
 * The relay is a process of its own, everybody else is another. Told are the memory that a room costs and what the relay has
 * in all with rooms and pairs (`memory_full`: here less is better), what it costs to open rooms, to keep all of them while
 * nothing is said (`idle_cpu`, less is better), and what a datagram costs by UDP and in streams, of 1,200 bytes among 500
 * pairs each. Costs are processor time of the relay alone. A run takes a minute and a half.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench, BenchSubject } from './harness.js'
import { type Remote, startProcess } from './lib/processes.js'
import type { CrowdCalls } from './relay/crowd.js'
import type { RelayCalls, RelayUsage } from './relay/host.js'

const ROOMS = 5_000
const PAIRS = 500
/** Rooms that are there before the first measurement. */
const WARMING = 200
const AT_ONCE = 64
const DATAGRAM_BYTES = 1_200
const WARM_PLAY_MS = 500
const PLAY_MS = 2_000
const SETTLE_MS = 500
/** In this time every leg is bound anew, once. */
const IDLE_MS = 15_000

type Kind = 'udp' | 'stream'

/** A relay and those who use it. */
class Place {
  readonly #relay: Remote<RelayCalls> = startProcess<RelayCalls>(file('host.js'), [])
  readonly #crowd: Remote<CrowdCalls> = startProcess<CrowdCalls>(file('crowd.js'), [])
  #port = 0
  roomsPerMegabyte = 0
  roomsPerSecond = 0

  /** Fills it. */
  async fill(): Promise<void> {
    this.#port = await this.#relay.listen()
    await this.#crowd.rooms(this.#port, WARMING, AT_ONCE)
    await sleep(SETTLE_MS)
    const before = await this.#relay.memory()
    const used = await this.#relay.usage()
    await this.#crowd.rooms(this.#port, ROOMS - WARMING, AT_ONCE)
    const opened = (ROOMS - WARMING) / ((await this.#relay.usage()).cpuS - used.cpuS)
    await sleep(SETTLE_MS)
    this.roomsPerSecond = opened
    this.roomsPerMegabyte = (ROOMS - WARMING) / (((await this.#relay.memory()) - before) / 1e6)
    await this.#crowd.pairs(this.#port, PAIRS, 'udp')
    // Those who have met leave their rooms.
    await sleep(SETTLE_MS)
    const { rooms, pairs } = await this.usage()
    if (rooms !== ROOMS || pairs !== PAIRS) throw new Error(`${rooms} rooms and ${pairs} pairs are open`)
  }

  usage(): Promise<RelayUsage> {
    return this.#relay.usage()
  }

  async megabytes(): Promise<number> {
    return (await this.#relay.memory()) / 1e6
  }

  /** Processor time of the relay, in percent of one core, while nothing is said. */
  async idle(): Promise<number> {
    const before = await this.usage()
    await sleep(IDLE_MS)
    return ((await this.usage()).cpuS - before.cpuS) / (IDLE_MS / 100_000)
  }

  /** Datagrams a second of the relay's processor time. */
  async play(kind: Kind): Promise<number> {
    if (kind === 'stream' && (await this.usage()).pairs === PAIRS) {
      await this.#crowd.pairs(this.#port, PAIRS, 'stream')
    }
    await this.#crowd.play(kind, DATAGRAM_BYTES, WARM_PLAY_MS)
    const before = await this.usage()
    const arrived = await this.#crowd.play(kind, DATAGRAM_BYTES, PLAY_MS)
    const after = await this.usage()
    const relayed = after.relayedDatagrams - before.relayedDatagrams
    if (arrived < 0.99 * relayed) throw new Error(`${arrived} datagrams arrived of ${relayed}`)
    return arrived / (after.cpuS - before.cpuS)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#relay.stop(), this.#crowd.stop()])
  }
}

let place: Place | undefined

function file(name: string): string {
  return join(import.meta.dirname, 'relay', name)
}

/** What keeping everything costs takes long to see, and is seen once. */
let idleCPU: number | undefined

async function idle(at: Place): Promise<number> {
  idleCPU ??= await at.idle()
  return idleCPU
}

/** A place that is filled; a new one each round. */
async function fresh(): Promise<Place> {
  await place?.stop()
  place = new Place()
  await place.fill()
  return place
}

async function present(): Promise<Place> {
  return place ?? (await fresh())
}

function measured(
  subject: string,
  unit: string,
  value: (at: Place) => number | Promise<number>,
): BenchSubject {
  return { subject, unit, load: 0, run: () => 0, value: async () => await value(await present()) }
}

/** A relay with many rooms and pairs. */
export const bench: Bench = {
  name: 'relay',
  what: 'one relay process with 5,000 waiting rooms and 500 relayed pairs: memory and processor time',
  subjects: () => [
    { ...measured('rooms', 'rooms/MB', () => 0), value: async () => (await fresh()).roomsPerMegabyte },
    measured('opening', 'rooms/CPU-s', (at) => at.roomsPerSecond),
    measured('memory_full', 'MB', (at) => at.megabytes()),
    measured('idle_cpu', '% of a core', idle),
    measured('relayed_udp', '1/CPU-s', (at) => at.play('udp')),
    measured('relayed_stream', '1/CPU-s', (at) => at.play('stream')),
  ],
  ratios: [],
  rounds: 5,
  measure: { warmupRounds: 0 },
}
