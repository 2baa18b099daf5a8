/**
 * The datagram of VUT 0.8 and its code, against the golden vectors.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DatagramMac } from '../../../packages/vudp/src/proto/seal.js'
import { decodePacket08, encodeHeader08, Packet08 } from '../../../packages/vudp/src/proto/v08/packet.js'
import { propertyRuns } from '../../lib/runs.js'
import { datagramVectors, hex, sha1 } from './vectors.js'

const { mac: macs, datagrams } = datagramVectors()

function macFor(key: Buffer, standardHmac?: boolean): DatagramMac {
  const half = Math.floor(key.length / 2)
  return new DatagramMac({
    sha1,
    senderSecret: key.subarray(0, half),
    receiverSecret: key.subarray(half),
    maxDatagramBytes: 600,
    ...(standardHmac === undefined ? {} : { standardHmac }),
  })
}

function codeOf(mac: DatagramMac, message: Buffer): string {
  const bytes = Buffer.alloc(message.length + 20)
  message.copy(bytes)
  expect(mac.append(bytes, 0, message.length)).toBe(bytes.length)
  return bytes.toString('hex', message.length)
}

describe('the code of a datagram', () => {
  it.each(macs)('of key "$key" is what the originals make of it [VE-S28]', (vector) => {
    const { key, message, mac, rfc2104_hmac_sha1: standard } = vector
    expect(codeOf(macFor(hex(key)), hex(message))).toBe(mac)
    expect(codeOf(macFor(hex(key), true), hex(message))).toBe(standard)
  })

  it('is the published one for the secrets S1 and S2 [VE-S28]', () => {
    const message = Buffer.concat([hex('00000080'), Buffer.from('VUDPTransport-0.8')])
    expect(codeOf(macFor(Buffer.from('S1S2')), message)).toBe('800d22d603eace02bd57302654f4154bd6363191')
  })

  it('verifies as made, and not with any bit of it or of the message changed', () => {
    const mac = macFor(hex('000102030405060708'))
    const bytes = Buffer.alloc(30)
    mac.append(bytes, 0, 10)
    expect(mac.verify(bytes, 0, 30)).toBe(true)
    for (let bit = 0; bit < 240; bit += 1) {
      const forged = Buffer.from(bytes)
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(mac.verify(forged, 0, 30)).toBe(false)
    }
  })

  it('is not found where there is no room for one, nor behind more than a datagram holds', () => {
    const mac = macFor(hex('0001'))
    expect(mac.verify(Buffer.alloc(19), 0, 19)).toBe(false)
    expect(mac.verify(Buffer.alloc(601), 0, 601)).toBe(false)
  })
})

describe('the datagram', () => {
  it.each(datagrams)('"$name" is octet for octet what the originals send [VE-S27]', (vector) => {
    const mac = new DatagramMac({
      sha1,
      senderSecret: hex(vector.sender_secret),
      receiverSecret: hex(vector.receiver_secret),
      maxDatagramBytes: 508,
    })
    const packet = new Packet08()
    packet.flags = vector.flags
    packet.seq = Number(vector.seq)
    packet.ack = Number(vector.ack)
    packet.win = Number(vector.win)
    const data = hex(vector.data)
    const bytes = Buffer.alloc(600)
    const dataAt = encodeHeader08(packet, bytes, 0)
    data.copy(bytes, dataAt)
    const end = mac.append(bytes, 0, dataAt + data.length)
    expect(bytes.toString('hex', 0, end)).toBe(vector.datagram)

    const back = new Packet08()
    expect(decodePacket08(hex(vector.datagram), end, back)).toBe(true)
    expect([back.flags, back.seq, back.ack, back.win]).toEqual([
      packet.flags,
      packet.seq,
      packet.ack,
      packet.win,
    ])
    expect(bytes.subarray(back.dataStart, back.dataEnd).equals(data)).toBe(true)
    expect(back.endSeq).toBe(packet.seq + data.length)
  })

  it('of any octets is read without a throw, with fields inside of it', () => {
    const packet = new Packet08()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        if (!decodePacket08(bytes, bytes.length, packet)) return
        expect(packet.dataStart).toBeGreaterThanOrEqual(4)
        expect(packet.dataEnd).toBe(bytes.length - 20)
        expect(packet.dataBytes).toBeGreaterThanOrEqual(0)
        expect(Number.isSafeInteger(packet.endSeq) && Number.isSafeInteger(packet.edge)).toBe(true)
      }),
      propertyRuns(2000),
    )
  })
})
