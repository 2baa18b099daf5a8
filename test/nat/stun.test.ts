/**
 * STUN's two machines: repetition and belief of the client, thrift of the server, and the two together.
 */
import { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import {
  attributeOf,
  decodeStun,
  encodeStun,
  readAddress,
  readErrorCode,
  readTypes,
  STUN_ATTRIBUTES,
  type VStunChange,
  VStunClient,
  type VStunEvent,
  type VStunQuestion,
  VStunServer,
  writeChange,
  writeErrorCode,
  writeXorAddress,
} from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import type { IVMachine } from '@vio/vudp'
import { assert, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../lib/runs.js'

const peer = (host: string, port: number) => new VIPSocketPeer(host, port, { socketType: 'dgram' })
const SERVER = peer('203.0.113.10', 3478)
const ADDRESSES = [SERVER, peer('203.0.113.10', 3479), peer('203.0.113.11', 3478), peer('203.0.113.11', 3479)]
const CLIENT = peer('198.51.100.7', 40_000)
const ID = Buffer.alloc(12, 7)
const A = STUN_ATTRIBUTES

interface Sent {
  readonly to: VIPSocketPeer
  readonly bytes: Buffer
}

function drain(machine: IVMachine<unknown>, now = 0): Sent[] {
  const batch = new VTransmitBatch(Buffer.alloc(4_000))
  const sent: Sent[] = []
  while (machine.pollTransmit(now, batch)) {
    for (let at = batch.start; at < batch.end; at += batch.segmentBytes) {
      const bytes = Buffer.from(batch.buffer.subarray(at, Math.min(batch.end, at + batch.segmentBytes)))
      sent.push({ to: batch.peer as VIPSocketPeer, bytes })
    }
  }
  return sent
}

/** The times at which a question leaves, until there is an event. */
function timesOf(client: VStunClient): { sentAt: number[]; event: VStunEvent; at: number } {
  const sentAt: number[] = []
  for (let now = 0; ; now = client.pollTimeout()) {
    client.handleTimeout(now)
    sentAt.push(...drain(client, now).map(() => now))
    const event = client.pollEvent()
    if (event !== undefined) return { sentAt, event, at: now }
  }
}

function asked(question: Partial<VStunQuestion> = {}): { client: VStunClient; request: Buffer; id: number } {
  const client = new VStunClient(new VSeededRandom(1))
  const id = client.ask(0, { server: SERVER, ...question })
  const [first] = drain(client)
  return { client, request: first?.bytes as Buffer, id }
}

function answerTo(request: Buffer, mapped: VIPSocketPeer = CLIENT): Buffer {
  const transactionId = request.subarray(8, 20)
  const value = writeXorAddress(mapped, transactionId)
  return encodeStun({ class: 'success', transactionId, attributes: [{ type: A.XOR_MAPPED_ADDRESS, value }] })
}

describe('VStunClient', () => {
  it('repeats a question as RFC 8489 says: seven times, doubling from half a second, then 8 s of waiting', () => {
    const client = new VStunClient(new VSeededRandom(1))
    client.ask(0, { server: SERVER })
    const { sentAt, event, at } = timesOf(client)
    expect(sentAt).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 31_500])
    expect([event, at]).toMatchObject([{ type: 'failed', reason: 'timeout' }, 39_500])
    expect([client.pollTimeout(), client.openCount]).toEqual([Number.POSITIVE_INFINITY, 0])
  })

  it('takes its times from options', () => {
    const client = new VStunClient(new VSeededRandom(1), { rtoMs: 100, maxSends: 2, lastWaits: 3 })
    client.ask(0, { server: SERVER })
    expect(timesOf(client)).toMatchObject({ sentAt: [0, 100], at: 400 })
  })

  it('tells the address and how long it took, once', () => {
    const { client, request, id } = asked()
    client.handleDatagram(42, SERVER, answerTo(request))
    client.handleDatagram(43, SERVER, answerTo(request))
    expect(client.pollEvent()).toMatchObject({
      type: 'answer',
      id,
      mapped: { host: CLIENT.host, port: 40_000 },
      rttMs: 42,
    })
    expect(client.pollEvent()).toBeUndefined()
    expect(client.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
  })

  it('does not say how long it took where a repetition may have been answered', () => {
    const { client, request } = asked()
    client.handleTimeout(500)
    client.handleDatagram(510, SERVER, answerTo(request))
    expect(client.pollEvent()).toMatchObject({ type: 'answer', rttMs: -1 })
  })

  it('reads the plain address of old servers', () => {
    const { client, request } = asked()
    const value = Buffer.from('00019c40c6336407', 'hex')
    const transactionId = request.subarray(8, 20)
    client.handleDatagram(
      1,
      SERVER,
      encodeStun({ class: 'success', transactionId, attributes: [{ type: A.MAPPED_ADDRESS, value }] }),
    )
    expect(client.pollEvent()).toMatchObject({ mapped: { host: CLIENT.host, port: 40_000 } })
  })

  it.each([
    ['another address', (request: Buffer) => [peer('203.0.113.66', 3478), answerTo(request)]],
    ['another port', (request: Buffer) => [peer('203.0.113.10', 3479), answerTo(request)]],
    [
      'another transaction',
      (request: Buffer) => [SERVER, answerTo(Buffer.concat([request.subarray(0, 8), ID]))],
    ],
    ['a request', (request: Buffer) => [SERVER, request]],
    ['no STUN', () => [SERVER, Buffer.from('hello, is anybody there?')]],
  ] as const)('does not believe %s', (_what, make) => {
    const { client, request } = asked()
    const [from, bytes] = make(request) as [VIPSocketPeer, Buffer]
    client.handleDatagram(1, from, bytes)
    expect([client.pollEvent(), client.openCount]).toEqual([undefined, 1])
  })

  it('takes an answer from elsewhere where one was asked for', () => {
    const { client, request, id } = asked({ change: { ip: true, port: true } })
    const from = ADDRESSES[3] as VIPSocketPeer
    client.handleDatagram(1, from, answerTo(request))
    expect(client.pollEvent()).toMatchObject({ type: 'answer', id, from })
  })

  it('tells refusals, and answers that it cannot read', () => {
    const refused = asked()
    const transactionId = refused.request.subarray(8, 20)
    const value = writeErrorCode({ code: 500, reason: 'Server Error' })
    refused.client.handleDatagram(
      1,
      SERVER,
      encodeStun({ class: 'error', transactionId, attributes: [{ type: A.ERROR_CODE, value }] }),
    )
    expect(refused.client.pollEvent()).toMatchObject({ reason: 'error', error: { code: 500 } })
    for (const attributes of [[], [{ type: 0x7777, value: Buffer.alloc(4) }]]) {
      const strange = asked()
      const id = strange.request.subarray(8, 20)
      const mapped = { type: A.XOR_MAPPED_ADDRESS, value: writeXorAddress(CLIENT, id) }
      const all = attributes.length > 0 ? [mapped, ...attributes] : []
      strange.client.handleDatagram(
        1,
        SERVER,
        encodeStun({ class: 'success', transactionId: id, attributes: all }),
      )
      expect(strange.client.pollEvent()).toMatchObject({ type: 'failed', reason: 'unreadable' })
    }
  })

  it('has 64 questions open at most, each with an id of its own', () => {
    const client = new VStunClient(new VSeededRandom(1))
    for (let count = 0; count < 64; count += 1) client.ask(0, { server: SERVER })
    expect(() => client.ask(0, { server: SERVER })).toThrow('64 questions are open')
    const ids = drain(client).map(({ bytes }) => bytes.toString('hex', 8, 20))
    expect(new Set(ids).size).toBe(64)
    client.cancel()
    expect([client.openCount, client.pollTimeout()]).toEqual([0, Number.POSITIVE_INFINITY])
  })
})

describe('VStunServer', () => {
  function ask(
    server: VStunServer,
    lane: number,
    attributes: { type: number; value: Buffer }[] = [],
    now = 0,
  ): Sent[][] {
    const request = encodeStun({ class: 'request', transactionId: ID, attributes })
    server.lanes[lane]?.handleDatagram(now, CLIENT, request)
    return server.lanes.map((each) => drain(each))
  }

  it('answers a plain question with the address and no more', () => {
    const server = new VStunServer({ addresses: ADDRESSES })
    const [[sent] = []] = ask(server, 0)
    expect(sent?.to).toBe(CLIENT)
    const message = decodeStun(sent?.bytes as Buffer)
    expect(message?.attributes.map(({ type }) => type)).toEqual([A.XOR_MAPPED_ADDRESS])
    expect(sent?.bytes.length).toBeLessThanOrEqual(40)
  })

  it('leaves out the fingerprint where the question had none', () => {
    const server = new VStunServer({ addresses: [SERVER] })
    server.lanes[0]?.handleDatagram(
      0,
      CLIENT,
      encodeStun({ class: 'request', transactionId: ID, fingerprint: false }),
    )
    const [lane] = server.lanes
    expect(drain(lane as IVMachine<never>)[0]?.bytes).toHaveLength(32)
  })

  it.each([
    [0, { ip: false, port: false }, 0],
    [0, { ip: false, port: true }, 1],
    [0, { ip: true, port: false }, 2],
    [0, { ip: true, port: true }, 3],
    [3, { ip: true, port: true }, 0],
    [1, { ip: true, port: false }, 3],
  ])('asked at %i to change %o, answers from %i and says where that is', (lane, change, by) => {
    const server = new VStunServer({ addresses: ADDRESSES })
    const sent = ask(server, lane, [{ type: A.CHANGE_REQUEST, value: writeChange(change) }])
    expect(sent.map(({ length }) => length)).toEqual(ADDRESSES.map((_address, at) => (at === by ? 1 : 0)))
    const message = decodeStun(sent[by]?.[0]?.bytes as Buffer)
    if (message === undefined) throw new Error('the answer was not read')
    const addressIn = (type: number) => String(readAddress(attributeOf(message, type) ?? Buffer.alloc(0)))
    expect(addressIn(A.RESPONSE_ORIGIN)).toBe(String(ADDRESSES[by]))
    expect(addressIn(A.OTHER_ADDRESS)).toBe(String(ADDRESSES[3 - lane]))
    expect(sent[by]?.[0]?.bytes.length).toBeLessThanOrEqual(64)
  })

  it('refuses what it does not know by name, a change of address included where it has one only', () => {
    const several = new VStunServer({ addresses: ADDRESSES })
    const one = new VStunServer({ addresses: [SERVER] })
    for (const [server, attributes, types] of [
      [
        several,
        [
          { type: A.PADDING, value: Buffer.alloc(4) },
          { type: A.RESPONSE_PORT, value: Buffer.alloc(4) },
        ],
        [A.PADDING, A.RESPONSE_PORT],
      ],
      [one, [{ type: A.CHANGE_REQUEST, value: writeChange({ ip: true, port: true }) }], [A.CHANGE_REQUEST]],
    ] as const) {
      const [[sent] = []] = ask(server, 0, [...attributes])
      const message = decodeStun(sent?.bytes as Buffer)
      if (message === undefined) throw new Error('the answer was not read')
      expect(message.class).toBe('error')
      expect(readErrorCode(attributeOf(message, A.ERROR_CODE) as Buffer)?.code).toBe(420)
      expect(readTypes(attributeOf(message, A.UNKNOWN_ATTRIBUTES) as Buffer)).toEqual(types)
    }
  })

  it('answers one source so often and no more, and others still', () => {
    const server = new VStunServer({ addresses: [SERVER], limit: { perSecond: 10, burst: 5 } })
    const answers = (now: number, count: number) =>
      Array.from({ length: count }, () => ask(server, 0, [], now)[0]?.length ?? 0).reduce((a, b) => a + b, 0)
    expect(answers(0, 20)).toBe(5)
    server.lanes[0]?.handleDatagram(
      0,
      peer('198.51.100.8', 1),
      encodeStun({ class: 'request', transactionId: ID }),
    )
    expect(drain(server.lanes[0] as IVMachine<never>)).toHaveLength(1)
    expect(answers(300, 20)).toBe(3)
    expect(server.counts).toEqual({ answered: 9, ignored: 0, limited: 32 })
  })

  it('ignores what is no question, and throws for nothing', () => {
    const server = new VStunServer({ addresses: ADDRESSES })
    for (const kind of ['indication', 'success', 'error'] as const) {
      server.lanes[0]?.handleDatagram(0, CLIENT, encodeStun({ class: kind, transactionId: ID }))
    }
    server.lanes[0]?.handleDatagram(0, CLIENT, encodeStun({ class: 'request', method: 3, transactionId: ID }))
    expect([server.counts.ignored, drain(server.lanes[0] as IVMachine<never>)]).toEqual([4, []])
    assert(
      property(uint8Array({ maxLength: 100 }), (bytes) => {
        const request = Buffer.concat([
          encodeStun({ class: 'request', transactionId: ID, fingerprint: false }),
          bytes,
        ])
        request.writeUInt16BE(bytes.length, 2)
        for (const datagram of [request, Buffer.from(bytes)]) {
          server.lanes[1]?.handleDatagram(0, CLIENT, datagram)
          for (const lane of server.lanes) drain(lane)
        }
      }),
      propertyRuns(500),
    )
  })

  it('has one address, two ports of it, or four', () => {
    for (const count of [0, 3, 5]) {
      const addresses = Array.from({ length: count }, (_, at) => peer('203.0.113.10', 1 + at))
      expect(() => new VStunServer({ addresses })).toThrow(RangeError)
    }
    const two = [peer('203.0.113.10', 1), peer('203.0.113.11', 1)]
    expect(() => new VStunServer({ addresses: two })).toThrow(RangeError)
  })

  it('answers who asks for no change, and from another port where it has one', () => {
    const changeTo = (change: VStunChange) => [{ type: A.CHANGE_REQUEST, value: writeChange(change) }]
    const classOf = (sent: ReturnType<typeof ask>[number] | undefined) =>
      decodeStun(sent?.[0]?.bytes as Buffer)?.class
    const one = new VStunServer({ addresses: [SERVER] })
    expect(classOf(ask(one, 0, changeTo({ ip: false, port: false }))[0])).toBe('success')
    expect(classOf(ask(one, 0, changeTo({ ip: false, port: true }))[0])).toBe('error')
    const two = new VStunServer({ addresses: [SERVER, peer(SERVER.host, SERVER.port + 1)] })
    expect(classOf(ask(two, 0, changeTo({ ip: false, port: false }))[0])).toBe('success')
    expect(classOf(ask(two, 0, changeTo({ ip: false, port: true }))[1])).toBe('success')
    expect(classOf(ask(two, 1, changeTo({ ip: false, port: true }))[0])).toBe('success')
    expect(classOf(ask(two, 0, changeTo({ ip: true, port: true }))[0])).toBe('error')
  })

  it('wakes the lane that answers in place of another', () => {
    const server = new VStunServer({ addresses: ADDRESSES })
    const woken: number[] = []
    for (const lane of server.lanes) lane.wake = () => woken.push(lane.index)
    ask(server, 0, [{ type: A.CHANGE_REQUEST, value: writeChange({ ip: true, port: true }) }])
    ask(server, 0)
    expect(woken).toEqual([3])
  })
})
