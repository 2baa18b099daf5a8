/**
 * The trace of a connection as a qlog: its form, and that nothing secret is in it.
 */
import { VByteBuffer, VFIOCompleted } from '@vio/io'
import { VProbeConsumer, VProbeProducer, VTestBench } from '@vio/io/testing'
import { VNodeCrypto, VQlogTrace, VUDPTransport } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { memoryPorts } from './memory-ports.js'
import { SECRET_A, SECRET_B } from './rigs.js'

const PAYLOAD = 'a payload that nobody is to read'
const USER_DATA = 'and what is told beside it'

interface QlogRecord {
  readonly qlog_format?: string
  readonly qlog_version?: string
  readonly trace?: { readonly vantage_point: { readonly type: string } }
  readonly time?: number
  readonly name?: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** Notes what comes out of hashes and key exchanges and what ciphers are made with: every key there is, and the tokens. */
class Noting extends VNodeCrypto {
  readonly secrets: Buffer[] = []

  override hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
    return this.#noted(super.hmac(key, ...parts))
  }

  override x25519(privateKey: Uint8Array, publicKey: Uint8Array): Buffer | null {
    this.#noted(Buffer.from(privateKey))
    const shared = super.x25519(privateKey, publicKey)
    return shared === null ? null : this.#noted(shared)
  }

  override aead(...[cipher, key]: Parameters<VNodeCrypto['aead']>): ReturnType<VNodeCrypto['aead']> {
    this.#noted(Buffer.from(key))
    return super.aead(cipher, key)
  }

  #noted(secret: Buffer): Buffer {
    this.secrets.push(Buffer.from(secret))
    return secret
  }
}

/** The whole life of a connection as its side a tells it, with what must not be in it: secrets, payload and ids. */
function traced(): { readonly text: string; readonly hidden: readonly Buffer[] } {
  const bench = new VTestBench()
  const ports = memoryPorts()
  const crypto = new Noting()
  const records: string[] = []
  const trace = new VQlogTrace({
    write: (record) => void records.push(record),
    title: 'test',
    vantagePoint: 'client',
  })
  const make = (index: 0 | 1): VUDPTransport =>
    new VUDPTransport(bench.reactor, {
      socket: ports[index],
      peer: ports[index === 0 ? 1 : 0].localPeer,
      secret: index === 0 ? SECRET_A : SECRET_B,
      peerSecret: index === 0 ? SECRET_B : SECRET_A,
      userData: Buffer.from(USER_DATA),
      crypto,
      ...(index === 0 ? { trace } : {}),
    })
  const [a, b] = [make(0), make(1)]
  const source = new VProbeProducer({ reactor: bench.reactor })
  a.byteConsume.attach(source)
  b.byteProduce.attach(new VProbeConsumer({ grantAtAttach: null }))
  source.feed(new VByteBuffer(Buffer.from(PAYLOAD)))
  bench.settle(1000)
  a.closeIO(new VFIOCompleted())
  bench.settle(60_000)
  expect(trace.events).toBeGreaterThan(5)
  const data = ports.flatMap(({ sent }) => sent).filter(({ bytes }) => bytes[0] === 0x40)
  const ids = data.map(({ bytes }) => bytes.subarray(1, 9))
  const given = [SECRET_A, SECRET_B, Buffer.from(PAYLOAD), Buffer.from(USER_DATA)]
  expect([crypto.secrets.length > 20, ids.length > 5]).toEqual([true, true])
  return { text: records.join(''), hidden: [...given, ...crypto.secrets, ...ids] }
}

/** The records of a text, the first of which is the header. */
function recordsOf(text: string): QlogRecord[] {
  const records = text.split('\x1e').slice(1)
  for (const record of records) expect(record.endsWith('\n')).toBe(true)
  return records.map((record) => JSON.parse(record) as QlogRecord)
}

describe('VQlogTrace', () => {
  it('writes a sequence of JSON records that begins with a header', () => {
    const [header, ...events] = recordsOf(traced().text)
    expect([header?.qlog_format, header?.qlog_version]).toEqual(['JSON-SEQ', '0.3'])
    expect(header?.trace?.vantage_point.type).toBe('client')
    const names = new Set(events.map(({ name }) => name))
    expect([...names]).toEqual(
      expect.arrayContaining([
        'transport:packet_sent',
        'transport:packet_received',
        'recovery:metrics_updated',
      ]),
    )
    let last = 0
    for (const { time = -1 } of events) {
      expect(time).toBeGreaterThanOrEqual(last)
      last = time
    }
  })

  it('has in its events what qvis reads of them', () => {
    const [header, ...events] = recordsOf(traced().text)
    expect(header?.trace).toMatchObject({ common_fields: { time_format: 'relative', reference_time: 0 } })
    const named = (name: string) => events.filter((event) => event.name === name).map(({ data }) => data)
    const packets = [...named('transport:packet_sent'), ...named('transport:packet_received')]
    const whole: unknown = expect.any(Number)
    for (const data of packets) {
      expect(data).toMatchObject({
        header: { packet_type: '1RTT', packet_number: whole },
        raw: { length: whole },
        frames: expect.arrayContaining([expect.objectContaining({ frame_type: expect.any(String) })]),
      })
    }
    const frames = packets.flatMap((data) => data?.['frames'] as Readonly<Record<string, unknown>>[])
    const kinds = new Set(frames.map((frame) => frame['frame_type']))
    expect(kinds).not.toContain('unknown')
    const streamed = frames.find(
      (frame) => frame['frame_type'] === 'stream' && frame['length'] === PAYLOAD.length,
    )
    expect(streamed).toMatchObject({ stream_id: 0, offset: 0 })
    const ack = frames.find((frame) => frame['frame_type'] === 'ack')
    expect(ack).toMatchObject({ ack_delay: whole, acked_ranges: [[whole, whole]] })
    expect(named('recovery:metrics_updated')).toContainEqual(
      expect.objectContaining({
        smoothed_rtt: whole,
        min_rtt: whole,
        latest_rtt: whole,
        congestion_window: whole,
        bytes_in_flight: whole,
      }),
    )
    expect(named('connectivity:connection_closed')).toHaveLength(1)
  })

  it('has no secret and no payload in it, in no form', () => {
    const { text, hidden } = traced()
    for (const secret of hidden) {
      for (const form of ['latin1', 'hex', 'base64'] as const) {
        expect(text.includes(secret.toString(form).slice(0, 16))).toBe(false)
      }
      // As a buffer that was told as it is would come out.
      expect(text.includes([...secret.subarray(0, 8)].join(','))).toBe(false)
    }
  })

  it('that cannot be written disturbs nobody, and is left alone from then on', () => {
    let calls = 0
    const trace = new VQlogTrace({
      write: () => {
        calls += 1
        throw new Error('the disk is full')
      },
    })
    trace.event(0, 'a', {})
    trace.event(1, 'b', {})
    expect([calls, trace.events]).toEqual([1, 0])
    const cyclic: Record<string, unknown> = {}
    cyclic['self'] = cyclic
    expect(() => new VQlogTrace({ write: () => undefined }).event(0, 'a', cyclic)).not.toThrow()
  })
})
