/**
 * Writes the file format pcapng, which Wireshark and others read: blocks of one section with one interface.
 *
 * Decides how blocks look (little-endian, padded to four bytes, times in microseconds); what is in a packet and when it
 * is written is left to the capture. Invariant: what was written so far is a whole file at any time.
 */
import type { IVByteWriter } from '../types.js'
import { isByteWriter } from '../types.js'

/** Where a capture goes: a function that gets whole blocks, or a writer. Neither is ended by the capture. */
export type VCaptureSink = ((bytes: Buffer) => void) | IVByteWriter

/** What a packet begins with: an IP header, or an Ethernet header before it. */
export type VLinkType = 'raw' | 'ethernet'

const LINK_TYPES: Readonly<Record<VLinkType, number>> = { ethernet: 1, raw: 101 }

const SECTION_HEADER = 0x0a0d0d0a
const BYTE_ORDER = 0x1a2b3c4d
const INTERFACE_DESCRIPTION = 1
const ENHANCED_PACKET = 6
const OPTION_END = 0
const SECTION_APPLICATION = 4
const INTERFACE_NAME = 2
const PACKET_FLAGS = 2

/** Which way a packet went, seen from this side, as the format counts it. */
const DIRECTIONS = { inbound: 1, outbound: 2 } as const

/** One packet. */
export interface CapturedPacket {
  /** When it passed, in milliseconds since 1970. */
  readonly atMs: number
  readonly direction: 'inbound' | 'outbound'
  /** The packet in pieces, to be written one after the other. */
  readonly parts: readonly Uint8Array[]
}

/** Writes blocks. */
export class PcapngWriter {
  readonly linkType: VLinkType
  readonly #emit: (bytes: Buffer) => void
  #begun = false

  /** @throws TypeError if the sink is neither a function nor a writer */
  constructor(sink: VCaptureSink, linkType: VLinkType) {
    if (isByteWriter(sink)) this.#emit = (bytes) => sink.write(bytes)
    else if (typeof sink === 'function') this.#emit = sink
    else throw new TypeError(`a capture goes to a function or a writer, got ${typeof sink}`)
    this.linkType = linkType
  }

  /** Writes the headers, once; packets do it themselves. What the sink throws goes to the caller. */
  begin(): void {
    if (this.#begun) return
    this.#begun = true
    const section = Buffer.alloc(16, 0xff)
    section.writeUInt32LE(BYTE_ORDER, 0)
    section.writeUInt16LE(1, 4)
    section.writeUInt16LE(0, 6)
    const link = Buffer.alloc(8)
    link.writeUInt16LE(LINK_TYPES[this.linkType], 0)
    this.#emit(
      block(SECTION_HEADER, [section, option(SECTION_APPLICATION, Buffer.from('vio')), endOfOptions()]),
    )
    this.#emit(
      block(INTERFACE_DESCRIPTION, [link, option(INTERFACE_NAME, Buffer.from('chain')), endOfOptions()]),
    )
  }

  /** Writes a packet. What the sink throws goes to the caller. */
  write(packet: CapturedPacket): void {
    this.begin()
    const length = packet.parts.reduce((sum, part) => sum + part.length, 0)
    const micros = Math.max(0, Math.round(packet.atMs * 1000))
    const head = Buffer.alloc(20)
    head.writeUInt32LE(0, 0)
    head.writeUInt32LE(Math.floor(micros / 2 ** 32), 4)
    head.writeUInt32LE(micros % 2 ** 32, 8)
    head.writeUInt32LE(length, 12)
    head.writeUInt32LE(length, 16)
    const flags = Buffer.alloc(4)
    flags.writeUInt32LE(DIRECTIONS[packet.direction])
    const options = [option(PACKET_FLAGS, flags), endOfOptions()]
    this.#emit(block(ENHANCED_PACKET, [head, ...packet.parts, padding(length), ...options]))
  }
}

function block(type: number, parts: readonly Uint8Array[]): Buffer {
  const length = 12 + parts.reduce((sum, part) => sum + part.length, 0)
  const frame = Buffer.alloc(8)
  frame.writeUInt32LE(type, 0)
  frame.writeUInt32LE(length, 4)
  return Buffer.concat([frame, ...parts, frame.subarray(4)], length)
}

function option(code: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(code, 0)
  head.writeUInt16LE(value.length, 2)
  return Buffer.concat([head, value, padding(value.length)])
}

function endOfOptions(): Buffer {
  return option(OPTION_END, new Uint8Array(0))
}

/** What is missing to a multiple of four bytes. */
function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4)
}
