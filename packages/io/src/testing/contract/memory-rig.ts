/**
 * The rigs of devices in memory, alone and under endpoints, in simulated time.
 */
import { VFIOCompleted } from '@vio/reactor'
import { VByteEndpoint } from '../../chain/endpoint.js'
import type { VEndpointOptions } from '../../chain/endpoint-terms.js'
import { VTestBench } from '../bench.js'
import { createDevicePair, type VDevicePair, type VDevicePairOptions } from '../device-pair.js'
import { fail } from './check.js'
import type { IVDeviceRig } from './device.js'
import type { IVEndpointRig, IVFarEnd } from './endpoint-rig.js'

/** How much time `quiet` and each look of `until` let pass. */
const MOMENT_MS = 10

/** The far side: the other device, as it is. */
function farOf(pair: VDevicePair): IVFarEnd {
  const { b } = pair
  return {
    write: (bytes) => b.writeSome(bytes),
    read: (maxBytes) => {
      const pieces: Buffer[] = []
      for (let left = maxBytes ?? Number.MAX_SAFE_INTEGER; left > 0; ) {
        const piece = b.readSome(left)
        if (piece.length === 0) break
        pieces.push(piece)
        left -= piece.length
      }
      return Buffer.concat(pieces)
    },
    end: () => b.closeOutput(new VFIOCompleted()),
    reset: () => pair.reset(),
    get ended() {
      const end = b.inputEnd
      if (end === null) return 'no'
      return end instanceof VFIOCompleted ? 'clean' : 'lost'
    },
  }
}

/** How cases wait: they let time pass. */
function waitingOn(bench: VTestBench): Pick<IVDeviceRig, 'until' | 'quiet'> {
  return {
    until: async (done) => {
      for (let moments = 0; !done(); moments += 1) {
        if (moments > 10_000) fail('what the case waits for has not happened')
        bench.settle(MOMENT_MS)
      }
    },
    quiet: async () => bench.settle(MOMENT_MS),
  }
}

/** Makes a rig of devices that are made with `options`. */
export function createMemoryDeviceRig(options: VDevicePairOptions = {}): IVDeviceRig {
  const bench = new VTestBench()
  const { reactor } = bench
  return {
    connected: () => {
      const pair = createDevicePair({ ...options, reactor })
      return { device: pair.a, far: farOf(pair) }
    },
    connectable: (connect) => {
      const pair = createDevicePair({ ...options, reactor, connect })
      return { device: pair.a, target: pair.peerB }
    },
    ...waitingOn(bench),
    close: () => reactor.stop(),
  }
}

/** Makes a rig of endpoints whose devices are made with `options`. */
export function createMemoryRig(options: VDevicePairOptions = {}): IVEndpointRig {
  const bench = new VTestBench({ expectFailures: true, maxTurns: 1_000_000 })
  const { reactor } = bench
  const near = (pair: VDevicePair, more: VEndpointOptions | undefined): VByteEndpoint =>
    new VByteEndpoint(reactor, pair.a, more)
  return {
    reactor,
    log: bench.log,
    roadBytes: Math.max(options.a?.capacityBytes ?? 65_536, options.b?.capacityBytes ?? 65_536),
    connected: (more) => {
      const pair = createDevicePair({ ...options, reactor })
      return { near: near(pair, more), far: farOf(pair) }
    },
    connectable: (outcome, more) => {
      const pair = createDevicePair({ ...options, reactor, connect: outcome })
      return {
        near: near(pair, more),
        target: pair.peerB,
        attempts: () => pair.a.calls.filter((call) => call.startsWith('connect')).length,
        far: () => farOf(pair),
      }
    },
    ...waitingOn(bench),
    failures: () => bench.failures,
    close: () => reactor.stop(),
  }
}
