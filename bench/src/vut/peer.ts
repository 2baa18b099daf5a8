/**
 * One of the two processes of a connection in the VUT bench. `peer.js KIND server|client`.
 */
import { performance } from 'node:perf_hooks'
import { answer } from '../lib/processes.js'
import { bareEnd } from './bare-line.js'
import type { Line, LineEnd, LineKind, LineMode } from './line.js'
import { tcpEnd, udxEnd } from './stream-line.js'
import { vutEnd } from './vut-line.js'

const CHUNK = Buffer.alloc(65_536, 1)
const PING = Buffer.alloc(64, 1)
/** What a datagram of VUT starts with, and what it keeps to where nothing larger is searched. */
const SMALL_BYTES = 1200
/** What a datagram over IPv4 holds at most. */
const LARGEST_BYTES = 65_507

/** What a run took. */
export interface Usage {
  /** Processor time of this process so far, in seconds. */
  readonly cpuS: number
  /** Resident memory now, in bytes. */
  readonly residentBytes: number
}

/** How long round trips took, in microseconds. */
export interface RoundTrips {
  readonly p50Us: number
  readonly p99Us: number
}

/** What a process can be asked. */
export interface PeerCalls {
  /** Takes a port. */
  bind(): Promise<number>
  /** Connects to the other side; a server also begins to serve. */
  connect(farPort: number, mode: LineMode, loadBytes: number): Promise<boolean>
  /** Sends a load, and waits until the server has counted all of it. */
  send(loadBytes: number): Promise<number>
  /** Sends 64 bytes and waits until they are back, `count` times. */
  ping(count: number): Promise<RoundTrips>
  usage(): Usage
}

function endOf(kind: LineKind, isServer: boolean): Promise<LineEnd> {
  switch (kind) {
    case 'plain_1200':
      return vutEnd(isServer, SMALL_BYTES)
    case 'plain_search':
      return vutEnd(isServer)
    case 'bare_1200':
      return bareEnd(SMALL_BYTES)
    case 'bare_65507':
      return bareEnd(LARGEST_BYTES)
    case 'udx_noise':
      return udxEnd(isServer)
    default:
      return tcpEnd(isServer, kind === 'tls')
  }
}

function serve(line: Line, mode: LineMode, loadBytes: number): void {
  let left = loadBytes
  line.onBytes((bytes) => {
    if (mode === 'echo') {
      line.write(Buffer.from(bytes))
      return
    }
    left -= bytes.length
    if (left > 0) return
    left += loadBytes
    line.write(PING.subarray(0, 1))
  })
}

function calls(kind: LineKind, isServer: boolean): PeerCalls {
  let end: LineEnd
  let line: Line
  let arrived: (count: number) => void = () => undefined
  return {
    bind: async () => {
      end = await endOf(kind, isServer)
      return end.port
    },
    connect: async (farPort, mode, loadBytes) => {
      line = await end.connect(farPort)
      if (isServer) serve(line, mode, loadBytes)
      else line.onBytes((bytes) => arrived(bytes.length))
      return true
    },
    send: (loadBytes) =>
      new Promise((done) => {
        arrived = (count) => done(count * loadBytes)
        line.writeLoad(CHUNK, loadBytes)
      }),
    ping: async (count) => {
      const took: number[] = []
      for (let round = 0; round < count; round += 1) took.push(await roundTrip())
      took.sort((a, b) => a - b)
      const at = (part: number) => (took[Math.floor(part * took.length)] ?? Number.NaN) * 1000
      return { p50Us: at(0.5), p99Us: at(0.99) }
    },
    usage: () => {
      const { user, system } = process.cpuUsage()
      return { cpuS: (user + system) / 1e6, residentBytes: process.memoryUsage().rss }
    },
  }

  function roundTrip(): Promise<number> {
    let left = PING.length
    const startedAt = performance.now()
    return new Promise((done) => {
      arrived = (count) => {
        left -= count
        if (left === 0) done(performance.now() - startedAt)
      }
      line.write(PING)
    })
  }
}

const [, , kind = 'tcp', role = 'client'] = process.argv
answer(calls(kind as LineKind, role === 'server'))
