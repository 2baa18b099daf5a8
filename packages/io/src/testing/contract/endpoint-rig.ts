/**
 * What the cases on endpoints stand on: ends that are connected or can be, and the far side of each.
 *
 * A rig brings one kind of end (two devices in memory, a socket, a pipe) and knows how to wait for it. Cases wait only by
 * `until` and `quiet`, so that they hold in simulated time as on a real network.
 */
import type { IVReactor, VLogEntry } from '@vio/reactor'
import type { VByteEndpoint } from '../../chain/endpoint.js'
import type { VEndpointOptions } from '../../chain/endpoint-terms.js'
import type { VPeer } from '../../peer.js'
import type { IVByteConsumer, IVByteProducer } from '../../types.js'
import { VProbeConsumer, type VProbeConsumerOptions } from '../probe-consumer.js'
import type { VProbeLog } from '../probe-log.js'
import { VProbeProducer, type VProbeProducerOptions } from '../probe-producer.js'
import type { IVContractCase } from './case.js'
import { check } from './check.js'

/** The other side of a connection, driven by the case. It reads only when it is told to. */
export interface IVFarEnd {
  /** Writes as much of `bytes` as the way takes now; returns how many. */
  write(bytes: Uint8Array): number
  /** Reads what has arrived, up to `maxBytes`; by default all. */
  read(maxBytes?: number): Buffer
  /** Ends what it writes, cleanly. */
  end(): void
  /** Breaks the connection. */
  reset(): void
  /** How the end of what it reads came: `'no'` while none has. Seen only once all was read. */
  readonly ended: 'no' | 'clean' | 'lost'
}

/** A connected end. */
export interface IVConnected {
  readonly near: VByteEndpoint
  readonly far: IVFarEnd
}

/** An end that can be connected. */
export interface IVConnectable {
  readonly near: VByteEndpoint
  /** What to connect to. */
  readonly target: VPeer
  /** How many attempts have reached the system. */
  attempts(): number
  /** The other side, once connected. */
  far(): IVFarEnd
}

/** One kind of end, ready for a case. */
export interface IVEndpointRig {
  readonly reactor: IVReactor
  /** For the probes of the case. */
  readonly log: VProbeLog
  /** How many bytes may be on the way in one direction that nobody has read, at most. */
  readonly roadBytes: number
  /** Makes a connected end. */
  connected(options?: VEndpointOptions): IVConnected | Promise<IVConnected>
  /** Makes an end that can be connected; the attempt will come out as told. */
  connectable(outcome: 'succeed' | 'refuse' | 'hang', options?: VEndpointOptions): IVConnectable
  /** Waits until `done`; rejects if that takes too long. */
  until(done: () => boolean): Promise<void>
  /** Waits until nothing happens any more. */
  quiet(): Promise<void>
  /** What was logged as an error. */
  failures(): readonly VLogEntry[]
  /** Releases all it made. */
  close(): void | Promise<void>
}

/** Makes a rig. */
export type VEndpointFactory = () => IVEndpointRig

/** What a case gets: the rig, and a way to say that it expects errors in the log. */
export interface IVEndpointCase {
  readonly rig: IVEndpointRig
  expectFailures(): void
}

/** A case on an endpoint. */
export function endpointCase(
  title: string,
  body: (given: IVEndpointCase) => Promise<void>,
): IVContractCase<VEndpointFactory> {
  return {
    title,
    run: async (factory) => {
      const rig = factory()
      let expected = false
      const given = {
        rig,
        expectFailures: (): void => {
          expected = true
        },
      }
      try {
        await body(given)
        await rig.quiet()
        const [failure] = rig.failures()
        if (!expected) check(failure === undefined, `nothing was logged as an error: ${failure?.message}`)
      } finally {
        await rig.close()
      }
    },
  }
}

/** Writes all of `bytes` at the far side, which the way has to have room for. */
export async function writeAll(rig: IVEndpointRig, far: IVFarEnd, bytes: Buffer): Promise<void> {
  let written = 0
  await rig.until(() => {
    if (written < bytes.length) written += far.write(bytes.subarray(written))
    return written === bytes.length
  })
}

/** Attaches a consumer to an end; without options it takes anything. */
export function sinkOn(
  rig: IVEndpointRig,
  near: { readonly byteProduce: IVByteProducer },
  options: VProbeConsumerOptions = { grantAtAttach: null },
): VProbeConsumer {
  const sink = new VProbeConsumer({ log: rig.log, ...options })
  near.byteProduce.attach(sink)
  return sink
}

/** Attaches a producer to an end; it gives by itself. */
export function sourceOn(
  rig: IVEndpointRig,
  near: { readonly byteConsume: IVByteConsumer },
  options: VProbeProducerOptions = {},
): VProbeProducer {
  const source = new VProbeProducer({ log: rig.log, reactor: rig.reactor, ...options })
  near.byteConsume.attach(source)
  return source
}
