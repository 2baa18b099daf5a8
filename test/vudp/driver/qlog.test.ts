/**
 * The trace of a connection as a qlog: its form, and that nothing secret is in it.
 */
import { VByteBuffer, VFIOCompleted } from '@vio/io'
import { VProbeConsumer, VProbeProducer, VTestBench } from '@vio/io/testing'
import { VQlogTrace, VUDPTransport } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { memoryPorts } from './memory-ports.js'
import { SECRET_A, SECRET_B } from './rigs.js'

const PAYLOAD = 'a payload that nobody is to read'

interface QlogRecord {
  readonly qlog_format?: string
  readonly qlog_version?: string
  readonly trace?: { readonly vantage_point: { readonly type: string } }
  readonly time?: number
  readonly name?: string
}

function tracedConnection(): string {
  const bench = new VTestBench()
  const ports = memoryPorts()
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
  return records.join('')
}

describe('VQlogTrace', () => {
  it('writes a sequence of JSON records that begins with a header', () => {
    const records = tracedConnection()
      .split('\x1e')
      .slice(1)
      .map((record) => {
        expect(record.endsWith('\n')).toBe(true)
        return JSON.parse(record) as QlogRecord
      })
    const [header, ...events] = records
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

  it('has no secret and no payload in it, in no form', () => {
    const text = tracedConnection()
    for (const secret of [SECRET_A, SECRET_B, Buffer.from(PAYLOAD)]) {
      for (const form of ['latin1', 'hex', 'base64'] as const) {
        expect(text).not.toContain(secret.toString(form).slice(0, 16))
      }
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
