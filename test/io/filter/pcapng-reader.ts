/**
 * Reads captures back, by code that shares nothing with what writes them: blocks, packets, checksums, streams.
 */

/** A packet as it stands in a capture. */
export interface ReadPacket {
  readonly atMs: number
  /** 1 inbound, 2 outbound. */
  readonly direction: number
  readonly source: string
  readonly target: string
  readonly sequence: number
  readonly acknowledged: number
  /** The letters of the flags that are set, of F S R P A. */
  readonly flags: string
  readonly payload: Buffer
}

/** A capture. */
export interface ReadCapture {
  readonly linkType: number
  readonly packets: readonly ReadPacket[]
}

/** Sum of 16-bit words with the carries added in, as RFC 1071 has it; 0xffff over what has a right checksum. */
function wordSum(bytes: Buffer): number {
  const even = bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)])
  let sum = 0
  for (let at = 0; at < even.length; at += 2) {
    sum += even.readUInt16BE(at)
    if (sum > 0xffff) sum -= 0xffff
  }
  return sum
}

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(`the capture is not well-formed: ${what}`)
}

/** Reads blocks; each has its length at both ends. */
function blocksOf(file: Buffer): { readonly type: number; readonly body: Buffer }[] {
  const blocks: { type: number; body: Buffer }[] = []
  for (let at = 0; at < file.length; ) {
    const length = file.readUInt32LE(at + 4)
    ensure(length % 4 === 0 && length >= 12 && at + length <= file.length, `length ${length} at ${at}`)
    ensure(file.readUInt32LE(at + length - 4) === length, `trailing length at ${at}`)
    blocks.push({ type: file.readUInt32LE(at), body: file.subarray(at + 8, at + length - 4) })
    at += length
  }
  return blocks
}

function optionsOf(bytes: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>()
  for (let at = 0; ; ) {
    const [code, length] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2)]
    options.set(code, bytes.subarray(at + 4, at + 4 + length))
    at += 4 + Math.ceil(length / 4) * 4
    if (code !== 0) continue
    ensure(at === bytes.length, 'something follows the end of the options')
    return options
  }
}

function textOf(address: Buffer): string {
  return address.length === 4 ? address.join('.') : address.toString('hex')
}

function packetOf(body: Buffer, linkType: number): ReadPacket {
  const captured = body.readUInt32LE(12)
  ensure(body.readUInt32LE(0) === 0 && body.readUInt32LE(16) === captured, 'interface or length of a packet')
  const micros = body.readUInt32LE(4) * 2 ** 32 + body.readUInt32LE(8)
  const direction =
    optionsOf(body.subarray(20 + Math.ceil(captured / 4) * 4))
      .get(2)
      ?.readUInt32LE(0) ?? 0
  const frame = body.subarray(20, 20 + captured)
  const ip = linkType === 1 ? frame.subarray(14) : frame
  const isV6 = (ip[0] ?? 0) >> 4 === 6
  if (linkType === 1) ensure(frame.readUInt16BE(12) === (isV6 ? 0x86dd : 0x0800), 'type of an Ethernet frame')
  const header = isV6 ? 40 : 20
  if (!isV6) ensure(wordSum(ip.subarray(0, 20)) === 0xffff, 'checksum of an IPv4 header')
  ensure((isV6 ? ip.readUInt16BE(4) + 40 : ip.readUInt16BE(2)) === ip.length, 'length of an IP packet')
  ensure(ip[isV6 ? 6 : 9] === 6, 'protocol of an IP packet')
  const [source, target] = isV6
    ? [ip.subarray(8, 24), ip.subarray(24, 40)]
    : [ip.subarray(12, 16), ip.subarray(16, 20)]
  const tcp = ip.subarray(header)
  const pseudo = Buffer.alloc(8)
  pseudo.writeUInt32BE(tcp.length, 0)
  pseudo[7] = 6
  ensure(wordSum(Buffer.concat([source, target, pseudo, tcp])) === 0xffff, 'checksum of a TCP segment')
  const bits = tcp[13] ?? 0
  return {
    atMs: micros / 1000,
    direction,
    source: `${textOf(source)} ${tcp.readUInt16BE(0)}`,
    target: `${textOf(target)} ${tcp.readUInt16BE(2)}`,
    sequence: tcp.readUInt32BE(4),
    acknowledged: tcp.readUInt32BE(8),
    flags: [...'FSRPA'].filter((_letter, bit) => (bits & (1 << bit)) !== 0).join(''),
    payload: tcp.subarray(((tcp[12] ?? 0) >> 4) * 4),
  }
}

/** Reads a capture. @throws Error if it is not well-formed or a checksum is wrong */
export function readCapture(file: Buffer): ReadCapture {
  const [section, description, ...packets] = blocksOf(file)
  ensure(section?.type === 0x0a0d0d0a && section.body.readUInt32LE(0) === 0x1a2b3c4d, 'no section header')
  ensure(
    section?.body.readUInt16LE(4) === 1 && section.body.readBigInt64LE(8) === -1n,
    'version or section length',
  )
  ensure(description?.type === 1 && description.body.readUInt32LE(4) === 0, 'no interface description')
  ensure(
    packets.every(({ type }) => type === 6),
    'a block that is no packet',
  )
  const linkType = description?.body.readUInt16LE(0) ?? -1
  return { linkType, packets: packets.map(({ body }) => packetOf(body, linkType)) }
}

/** Puts together what one side sent, by sequence numbers. @throws Error if something is missing or was sent twice */
export function streamOf(packets: readonly ReadPacket[], source: string): Buffer {
  let next: number | undefined
  const parts: Buffer[] = []
  for (const packet of packets) {
    if (packet.source !== source) continue
    if (packet.flags.includes('S')) next = packet.sequence
    ensure(packet.sequence === next, `sequence ${packet.sequence} of ${source}, wanted ${next}`)
    const counted = packet.payload.length + (/[FS]/.test(packet.flags) ? 1 : 0)
    next = ((next ?? 0) + counted) % 2 ** 32
    parts.push(packet.payload)
  }
  return Buffer.concat(parts)
}
