/**
 * Batches of datagrams: what may be put into one, what leaves it, and what a port checks.
 */
import { checkBatch, VDatagramError, VIOError, VIOOversize, VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { describe, expect, it } from 'vitest'

const PEER = new VIPSocketPeer('10.0.0.1', 9)
const OTHER = new VIPSocketPeer('10.0.0.2', 9)

function filled(...sizes: readonly number[]): VTransmitBatch {
  const batch = new VTransmitBatch(Buffer.alloc(100))
  batch.begin(PEER)
  for (const size of sizes) batch.commit(size)
  return batch
}

describe('a batch', () => {
  it('takes segments of one size while they fit, and says how much that may be', () => {
    const batch = new VTransmitBatch(Buffer.alloc(100))
    expect(batch).toMatchObject({ peer: null, count: 0, room: 100, open: true, segmentBytes: 0 })
    batch.begin(PEER)
    batch.commit(40)
    expect(batch).toMatchObject({ peer: PEER, count: 1, room: 40, open: true, segmentBytes: 40, end: 40 })
    batch.commit(40)
    // Not another full one fits; a shorter one does.
    expect(batch).toMatchObject({ count: 2, room: 20, open: false, end: 80 })
    batch.commit(20)
    expect(batch).toMatchObject({ count: 3, open: false, end: 100, start: 0, segmentBytes: 40 })
  })

  it.each([
    ['a shorter one', [30, 20]],
    ['an empty one', [0]],
    ['an empty one behind others', [30, 0]],
  ])('is complete with %s', (_what, sizes) => {
    const batch = filled(...sizes)
    expect(batch.open).toBe(false)
    expect(() => batch.commit(1)).toThrow(VIOError)
    expect(batch.count).toBe(sizes.length)
  })

  it.each([[-1], [1.5], [Number.NaN], ['5'], [31], [101]])('refuses a segment of %s', (size) => {
    const batch = filled(30)
    expect(() => batch.commit(size as number)).toThrow(RangeError)
    expect(batch).toMatchObject({ count: 1, end: 30 })
  })

  it('loses segments at the front, down to the short one', () => {
    const batch = filled(30, 30, 10)
    batch.remove(1)
    expect(batch).toMatchObject({ count: 2, start: 30, end: 70, segmentBytes: 30 })
    batch.remove(1)
    expect(batch).toMatchObject({ count: 1, start: 60, end: 70, segmentBytes: 10, open: false })
    batch.remove(1)
    expect(batch).toMatchObject({ count: 0, start: 0, end: 0, peer: null, open: true })
  })

  it.each([[-1], [4], [0.5], [Number.NaN]])('refuses to lose %s of 3 segments', (count) => {
    const batch = filled(30, 30, 10)
    expect(() => batch.remove(count)).toThrow(RangeError)
    expect(batch.count).toBe(3)
  })

  it('changes its buffer only while it is empty, and only for one of the same size', () => {
    const batch = filled(30)
    const { buffer } = batch
    expect(() => batch.exchange(Buffer.alloc(100))).toThrow(VIOError)
    batch.clear()
    expect(() => batch.exchange(Buffer.alloc(99))).toThrow(RangeError)
    const spare = Buffer.alloc(100)
    expect(batch.exchange(spare)).toBe(buffer)
    expect(batch.buffer).toBe(spare)
  })

  it('needs a buffer with room', () => {
    expect(() => new VTransmitBatch(Buffer.alloc(0))).toThrow(RangeError)
    expect(() => new VTransmitBatch('x' as unknown as Buffer)).toThrow(TypeError)
    expect(new VTransmitBatch().buffer.length).toBe(65_536)
  })
})

describe('what a port checks of a batch', () => {
  const open = { maxDatagramBytes: 30, remotePeer: null }

  it('gives the peer to send to', () => {
    expect(checkBatch(filled(30), open)).toBe(PEER)
    const remotePeer = new VIPSocketPeer('10.0.0.1', 9)
    expect(checkBatch(filled(30), { maxDatagramBytes: 30, remotePeer })).toBe(remotePeer)
    const unnamed = filled(30)
    unnamed.begin(null)
    expect(checkBatch(unnamed, { maxDatagramBytes: 30, remotePeer })).toBe(remotePeer)
  })

  it('refuses what is too large, no batch, without a peer, or for another one', () => {
    expect(() => checkBatch(filled(31), open)).toThrow(VIOOversize)
    expect(() => checkBatch(filled(31), open)).toThrow(/31 bytes.*30/)
    expect(() => checkBatch(null as unknown as VTransmitBatch, open)).toThrow(TypeError)
    expect(() => checkBatch(new VTransmitBatch(), open)).toThrow(VIOError)
    const connected = { maxDatagramBytes: 30, remotePeer: OTHER }
    expect(() => checkBatch(filled(30), connected)).toThrow(/10\.0\.0\.2:9.*10\.0\.0\.1:9/)
  })
})

describe('an error about a datagram', () => {
  it('names the code, the peer and the size, as far as they are known', () => {
    const error = new VDatagramError('EMSGSIZE', { peer: PEER, sizeBytes: 1500 })
    expect(error).toMatchObject({
      code: 'V_IO_DATAGRAM',
      systemCode: 'EMSGSIZE',
      peer: PEER,
      sizeBytes: 1500,
    })
    expect(error.message).toBe('a datagram of 1500 bytes to 10.0.0.1:9 failed: EMSGSIZE')
    const vague = new VDatagramError('ECONNREFUSED', { peer: null })
    expect(vague.sizeBytes).toBe(-1)
    expect(vague.message).toBe('an earlier datagram to the peer failed: ECONNREFUSED')
  })
})
