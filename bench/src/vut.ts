/**
 * VUT on loopback, beside the ways that others have: one stream of 256 MB, and a ping-pong of 64 bytes.
 *
 * Two processes for each connection. VUT runs on `node:dgram` and `node:crypto`, with datagrams of 1200 bytes
 * (`plain_1200`) and of the largest size that its search finds (`plain_search`); beside it udx-native with a Noise stream,
 * plain TCP and TLS of Node. The receiver counts the stream and answers with one byte. `bare` is what these two modules of
 * Node give without any protocol on them: a bound for what VUT can reach there, and no ratio.
 */
import { join } from 'node:path'
import type { Bench, BenchSubject } from './harness.js'
import { type Remote, startProcess } from './lib/processes.js'
import type { LineKind, LineMode } from './vut/line.js'
import type { PeerCalls, RoundTrips, Usage } from './vut/peer.js'
import { udxMissing } from './vut/stream-line.js'

const KINDS: readonly LineKind[] = [
  'plain_1200',
  'plain_search',
  'udx_noise',
  'bare_1200',
  'bare_65507',
  'tcp',
  'tls',
]
const LOAD_BYTES = 256_000_000
const PINGS = 2000

/** Both processes of a connection, and what they last took. */
class Connection {
  readonly #kind: LineKind
  readonly #mode: LineMode
  #ends: Promise<readonly [Remote<PeerCalls>, Remote<PeerCalls>]> | undefined
  /** Processor time of both for the last load, in seconds. */
  cpuS = Number.NaN
  roundTrips: RoundTrips = { p50Us: Number.NaN, p99Us: Number.NaN }

  constructor(kind: LineKind, mode: LineMode) {
    this.#kind = kind
    this.#mode = mode
  }

  async open(): Promise<readonly [Remote<PeerCalls>, Remote<PeerCalls>]> {
    this.#ends ??= this.#start()
    return await this.#ends
  }

  async send(): Promise<number> {
    const [server, client] = await this.open()
    const before = await this.usage()
    const arrived = await client.send(LOAD_BYTES)
    const after = [await server.usage(), await client.usage()]
    this.cpuS = cpuOf(after) - cpuOf(before)
    return arrived
  }

  async ping(): Promise<void> {
    const [, client] = await this.open()
    this.roundTrips = await client.ping(PINGS)
  }

  async usage(): Promise<readonly Usage[]> {
    const [server, client] = await this.open()
    return [await server.usage(), await client.usage()]
  }

  async #start(): Promise<readonly [Remote<PeerCalls>, Remote<PeerCalls>]> {
    const file = join(import.meta.dirname, 'vut', 'peer.js')
    const server = startProcess<PeerCalls>(file, [this.#kind, 'server'])
    const client = startProcess<PeerCalls>(file, [this.#kind, 'client'])
    const [serverPort, clientPort] = [await server.bind(), await client.bind()]
    await Promise.all([
      server.connect(clientPort, this.#mode, LOAD_BYTES),
      client.connect(serverPort, this.#mode, LOAD_BYTES),
    ])
    return [server, client]
  }
}

function cpuOf(usages: readonly Usage[]): number {
  return usages.reduce((sum, { cpuS }) => sum + cpuS, 0)
}

function subjectsOf(kind: LineKind): BenchSubject[] {
  const [stream, pingPong] = [new Connection(kind, 'sink'), new Connection(kind, 'echo')]
  const reason = kind === 'udx_noise' ? udxMissing() : undefined
  const absent = reason === undefined ? {} : { absent: reason }
  const measured = (name: string, unit: string, value: () => Promise<number>): BenchSubject => ({
    subject: `${kind}_${name}`,
    unit,
    load: 0,
    run: () => 0,
    value,
    ...absent,
  })
  return [
    {
      subject: `${kind}_stream`,
      unit: 'MB/s',
      load: LOAD_BYTES,
      loadPerUnit: 1e6,
      prepare: async () => void (await stream.open()),
      run: () => stream.send(),
      ...absent,
    },
    measured('cpu', 's/GB', async () => (stream.cpuS * 1e9) / LOAD_BYTES),
    measured('memory', 'MB', async () => {
      const usages = await stream.usage()
      return usages.reduce((sum, { residentBytes }) => sum + residentBytes, 0) / 1e6
    }),
    measured('rtt_p50', 'us', async () => {
      await pingPong.ping()
      return pingPong.roundTrips.p50Us
    }),
    measured('rtt_p99', 'us', async () => pingPong.roundTrips.p99Us),
  ]
}

/** VUT beside udx with Noise, TCP and TLS, on loopback. */
export const bench: Bench = {
  name: 'vut',
  what: 'one stream of 256 MB and round trips of 64 bytes: VUT beside udx with Noise, TCP and TLS, on loopback',
  subjects: () => KINDS.flatMap(subjectsOf),
  ratios: [
    { key: 'plain_1200_vs_udx_noise', of: 'plain_1200_stream', over: 'udx_noise_stream', target: 0.35 },
    { key: 'plain_search_vs_udx_noise', of: 'plain_search_stream', over: 'udx_noise_stream', target: 3 },
    { key: 'rtt_p50_vs_udx_noise', of: 'udx_noise_rtt_p50', over: 'plain_1200_rtt_p50', target: 0.65 },
    { key: 'plain_search_vs_tls', of: 'plain_search_stream', over: 'tls_stream' },
    { key: 'plain_search_vs_tcp', of: 'plain_search_stream', over: 'tcp_stream' },
  ],
  rounds: 5,
  // A load of 256 MB is long enough to be warm after one, and to be timed once.
  measure: { warmMs: 0, timedMs: 0 },
}
