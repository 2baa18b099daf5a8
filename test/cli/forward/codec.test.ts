/**
 * What stands at the front of a stream, datagrams in a stream, and SOCKS: any cut, any bytes.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DatagramUnframer,
  frameDatagram,
  tagDatagram,
  untagDatagram,
} from '../../../packages/cli/src/forward/datagram-frame.js'
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  type ForwardRequest,
  MAX_BODY_BYTES,
  MessageReader,
} from '../../../packages/cli/src/forward/message.js'
import {
  openSocksDatagram,
  SocksServer,
  sealSocksDatagram,
  socksReply,
} from '../../../packages/cli/src/forward/socks.js'
import { STATUSES } from '../../../packages/cli/src/forward/status.js'
import { encodeGreeting } from '../../../packages/cli/src/greeting.js'
import { GreetingFront } from '../../../packages/cli/src/greeting-front.js'

const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 })

/** Feeds a reader in pieces, never more than it needs. Returns how many bytes it took. */
function feed(
  reader: { needed: number; push(bytes: Uint8Array): unknown },
  bytes: Uint8Array,
  sizes: readonly number[],
): number {
  let at = 0
  for (let round = 0; reader.needed > 0 && at < bytes.length; round += 1) {
    const size = Math.min(reader.needed, sizes[round % sizes.length] ?? 1, bytes.length - at)
    reader.push(bytes.subarray(at, at + size))
    at += size
  }
  return at
}

const REQUESTS: readonly ForwardRequest[] = [
  { kind: 'connect', target: { kind: 'tcp', host: 'example.org', port: 80 } },
  { kind: 'connect', target: { kind: 'udp', host: '::1', port: 65_535 } },
  { kind: 'connect', target: { kind: 'unix', path: '/run/app.sock' } },
  { kind: 'connect', target: { kind: 'unix', path: '\0abstract' } },
  { kind: 'listen', number: 0, listen: { kind: 'tcp', host: '', port: 0 } },
  { kind: 'listen', number: 65_535, listen: { kind: 'udp', host: '127.0.0.1', port: 9 } },
  { kind: 'listen', number: 7, listen: { kind: 'unix', path: '/tmp/ü' } },
  { kind: 'arrived', number: 7, from: '192.0.2.1:1234' },
]

describe('requests and answers', () => {
  it.each(REQUESTS)('read as they were written, however they are cut: %j', (request) => {
    const bytes = encodeRequest(request)
    fc.assert(
      fc.property(cuts, fc.uint8Array({ maxLength: 4 }), (sizes, tail) => {
        const reader = new MessageReader()
        expect(feed(reader, Buffer.concat([bytes, tail]), sizes)).toBe(bytes.length)
        expect(reader.message && decodeRequest(reader.message)).toEqual(request)
      }),
    )
  })

  it.each(STATUSES)('answers %s with a reason, which is cut where it is too long', (status) => {
    for (const text of ['', 'ECONNREFUSED', 'ü'.repeat(5000)]) {
      const bytes = encodeAnswer({ status, text })
      const reader = new MessageReader()
      reader.push(bytes)
      const answer = reader.message && decodeAnswer(reader.message)
      expect(answer?.status).toBe(status)
      expect(text.startsWith(answer?.text.replace(/\.\.\.$/, '') ?? '?')).toBe(true)
      expect(bytes.length).toBeLessThanOrEqual(4 + MAX_BODY_BYTES)
    }
  })

  it('take any bytes without a throw and without holding more than one message', () => {
    const heads = fc.tuple(
      fc.constantFrom(1, 1, 1, 2),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 0, max: 5 }),
    )
    fc.assert(
      fc.property(
        heads,
        fc.integer({ min: 0, max: 255 }),
        fc.uint8Array({ maxLength: 1300 }),
        ([version, kind, high], low, body) => {
          const reader = new MessageReader()
          const taken = feed(reader, Buffer.concat([Buffer.from([version, kind, high, low]), body]), [1500])
          expect(taken).toBeLessThanOrEqual(4 + MAX_BODY_BYTES)
          expect(reader.fault === null || reader.message === null).toBe(true)
          if (reader.message === null) return
          const request = decodeRequest(reader.message)
          expect(typeof request === 'string' || REQUESTS.some((known) => known.kind === request.kind)).toBe(
            true,
          )
          expect(STATUSES).toContain(decodeAnswer(reader.message).status)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('do not take a host that is no host, as a name service would read it in its own way', () => {
    const bytes = encodeRequest({ kind: 'connect', target: { kind: 'tcp', host: 'a b\n', port: 80 } })
    const reader = new MessageReader()
    reader.push(bytes)
    expect(reader.message && decodeRequest(reader.message)).toMatch(/no host name/)
  })
})

describe('a greeting at the front of a stream', () => {
  it('is taken to its last byte and no further, however it is cut', () => {
    const greeting = { command: 'forward', version: 1 }
    const bytes = encodeGreeting(greeting)
    fc.assert(
      fc.property(cuts, (sizes) => {
        const front = new GreetingFront()
        expect(feed(front, Buffer.concat([bytes, Buffer.from('more')]), sizes)).toBe(bytes.length)
        expect(() => front.check(greeting)).not.toThrow()
        expect(() => front.check({ command: 'pipe', version: 1 })).toThrow(/runs "vut forward"/)
      }),
    )
  })

  it('takes any bytes, and says that they are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 50, maxLength: 60 }), cuts, (bytes, sizes) => {
        const front = new GreetingFront()
        expect(feed(front, bytes, sizes)).toBeLessThanOrEqual(40)
        expect(() => front.check({ command: 'pipe', version: 1 })).toThrow()
      }),
    )
  })
})

describe('datagrams in a stream', () => {
  it('come out one by one, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), cuts, (datagrams, sizes) => {
        const bytes = Buffer.concat(datagrams.map(frameDatagram))
        const unframer = new DatagramUnframer()
        const back: number[][] = []
        for (let at = 0, round = 0; at < bytes.length; round += 1) {
          const size = sizes[round % sizes.length] ?? 1
          unframer.push(bytes.subarray(at, at + size), (datagram) => back.push([...datagram]))
          at += size
        }
        expect(back).toEqual(datagrams.map((datagram) => [...datagram]))
        expect(unframer.isBetween).toBe(true)
      }),
    )
  })

  it('carry the number of their flow beside it', () => {
    expect(untagDatagram(tagDatagram(258, Buffer.from('x')) ?? Buffer.alloc(0))).toEqual({
      stream: 258,
      bytes: Buffer.from('x'),
    })
    expect(tagDatagram(2 ** 32, Buffer.from('x'))).toBeNull()
    expect(untagDatagram(Buffer.alloc(3))).toBeNull()
  })
})

describe('SocksServer', () => {
  const greeting = [5, 2, 1, 0]
  const ipv4 = [5, 1, 0, 1, 127, 0, 0, 1, 0, 80]
  const ipv6 = [5, 1, 0, 4, ...Array.from({ length: 15 }, () => 0), 1, 0, 80]
  const name = [5, 1, 0, 3, 4, ...Buffer.from('host'), 0, 80]

  it.each([
    ['127.0.0.1', ipv4],
    ['0:0:0:0:0:0:0:1', ipv6],
    ['host', name],
  ])('reads a request for %s, however it is cut, and no byte behind it', (host, request) => {
    const bytes = Buffer.from([...greeting, ...request])
    fc.assert(
      fc.property(cuts, (sizes) => {
        const socks = new SocksServer()
        expect(feed(socks, Buffer.concat([bytes, Buffer.from('data')]), sizes)).toBe(bytes.length)
        expect(socks.request).toEqual({ command: 'connect', target: { kind: 'tcp', host, port: 80 } })
        expect([...socks.takeReply()]).toEqual([5, 0])
      }),
    )
  })

  it.each([
    ['version 4', [4, 1, 0, 80, 127, 0, 0, 1, 0], /version 4/, []],
    ['HTTP', [...Buffer.from('CONNECT x')], /speaks HTTP/, []],
    ['a password', [5, 1, 2], /password/, [5, 255]],
    ['BIND', [...greeting, 5, 2, 0, 1, 127, 0, 0, 1, 0, 80], /command 2/, [5, 0, 5, 7]],
    ['an unknown kind of address', [...greeting, 5, 1, 0, 9, 127, 0, 0, 1, 0, 80], /kind 9/, [5, 0, 5, 8]],
    ['port 0', [...greeting, 5, 1, 0, 1, 127, 0, 0, 1, 0, 0], /cannot be/, [5, 0, 5, 1]],
    ['a name with a blank', [...greeting, 5, 1, 0, 3, 1, 32, 0, 80], /cannot be/, [5, 0, 5, 1]],
  ])('refuses %s', (_, bytes, fault, reply) => {
    const socks = new SocksServer()
    feed(socks, Buffer.from(bytes), [64])
    expect(socks.fault).toMatch(fault)
    expect([...socks.takeReply()].slice(0, reply.length)).toEqual(reply)
    expect(socks.request).toBeNull()
  })

  it('takes any bytes', () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(0, 1, 3, 4, 5), fc.integer({ min: 0, max: 255 })), {
      maxLength: 600,
    })
    fc.assert(
      fc.property(bytes, cuts, (tail, sizes) => {
        const socks = new SocksServer()
        feed(socks, Buffer.from([5, 1, 0, ...tail]), sizes)
        expect(socks.takeReply().length).toBeLessThanOrEqual(12)
        openSocksDatagram(Buffer.from(tail))
      }),
      { numRuns: 2000 },
    )
  })

  it('opens the datagrams that it seals, and no fragments', () => {
    for (const host of ['127.0.0.1', '::1', 'example.org']) {
      const sealed = sealSocksDatagram({ kind: 'udp', host, port: 53 }, Buffer.from('q'))
      const opened = openSocksDatagram(sealed)
      expect([opened?.target.port, String(opened?.bytes)]).toEqual([53, 'q'])
      sealed[2] = 1
      expect(openSocksDatagram(sealed)).toBeNull()
    }
    expect([...socksReply(0, { host: '127.0.0.1', port: 258 })]).toEqual([5, 0, 0, 1, 127, 0, 0, 1, 1, 2])
  })
})
