/**
 * How large a datagram may be that reaches a STUN server and is answered.
 *
 * Decides which sizes are tried: those that common paths are made for. Invariant: each size is asked for a few times at
 * most, all within one second and a half.
 */
import type { VIPSocketPeer } from '@vio/io'
import { decodeStun, encodeStun, STUN_ATTRIBUTES } from '@vio/nat'
import type { IVRandom, IVReactor } from '@vio/reactor'
import { UDPPort } from '../forward/udp-port.js'

/** Payloads of UDP, in bytes: what VUT needs, tunnels of several kinds, PPPoE, and Ethernet with IPv6 and IPv4. */
const SIZES = [200, 1200, 1252, 1300, 1372, 1400, 1432, 1452, 1472] as const

const ROUNDS = 3
const ROUND_MS = 400
const STUN_HEADER_BYTES = 20
const ATTRIBUTE_HEADER_BYTES = 4
const FINGERPRINT_BYTES = 8
const ID_BYTES = 12

/** What came of it. */
export interface SizesFound {
  /** The largest payload that was answered. */
  readonly bytes?: number
  /** There and back, of the smallest. */
  readonly rttMs?: number
}

/** Tries all sizes. */
export async function largestDatagram(
  server: VIPSocketPeer,
  { reactor, random }: { readonly reactor: IVReactor; readonly random: IVRandom },
): Promise<SizesFound> {
  const answered = new Set<number>()
  const open = new Map<string, { readonly size: number; readonly sentAt: number }>()
  let rttMs: number | undefined
  let port: UDPPort
  try {
    port = await UDPPort.bind(
      server.isLocal ? { host: server.host } : { ipVersion: server.ipVersion },
      (bytes) => {
        const id = decodeStun(bytes)?.transactionId.toString('hex') ?? ''
        const question = open.get(id)
        if (question === undefined) return
        answered.add(question.size)
        rttMs = Math.min(rttMs ?? Number.POSITIVE_INFINITY, Math.round(reactor.time() - question.sentAt))
      },
    )
  } catch {
    return {}
  }
  for (let round = 0; round < ROUNDS && answered.size < SIZES.length; round += 1) {
    for (const size of SIZES) {
      if (answered.has(size)) continue
      const id = Buffer.alloc(ID_BYTES)
      random.fillSecret(id)
      open.set(id.toString('hex'), { size, sentAt: reactor.time() })
      port.send(questionOf(size, id), server)
    }
    for (let waitedMs = 0; waitedMs < ROUND_MS && answered.size < SIZES.length; waitedMs += 20)
      await new Promise<void>((done) => void reactor.schedule(20, done))
  }
  port.close()
  return {
    ...(answered.size === 0 ? {} : { bytes: Math.max(...answered) }),
    ...(rttMs === undefined ? {} : { rttMs }),
  }
}

/** A question of exactly so many bytes. A server skips attributes of this kind that it does not know. */
export function questionOf(sizeBytes: number, transactionId: Buffer): Buffer {
  const fill = sizeBytes - STUN_HEADER_BYTES - ATTRIBUTE_HEADER_BYTES - FINGERPRINT_BYTES
  const value = Buffer.alloc(Math.max(0, fill - (fill % 4)), 0x20)
  return encodeStun({
    class: 'request',
    transactionId,
    attributes: [{ type: STUN_ATTRIBUTES.SOFTWARE, value }],
  })
}
