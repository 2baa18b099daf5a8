/**
 * Captures: well-formed by a reader of our own, and by tshark where there is one.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VByteWriter, VIPSocketPeer } from '@vio/io'
import { VByteDuplexFilter, VCapture, type VCapturedOptions, type VCaptureOptions } from '@vio/io/filter'
import { EmbeddedDuplex, VBytePattern, VProbeConsumer } from '@vio/io/testing'
import type { VReactor } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { skipUnless } from '../../lib/skip.js'
import { readCapture, streamOf } from './pcapng-reader.js'

interface Recorded {
  readonly chain: EmbeddedDuplex
  readonly file: () => Buffer
}

function recorded(options: VCaptureOptions = {}, conversation: VCapturedOptions = {}): Recorded {
  const blocks: Buffer[] = []
  const build = (reactor: VReactor): VByteDuplexFilter =>
    new VCapture(reactor, (bytes) => blocks.push(bytes), options).conversation(conversation).filter
  const chain = new EmbeddedDuplex(build, { expectFailures: true })
  return { chain, file: () => Buffer.concat(blocks) }
}

const V6 = {
  local: new VIPSocketPeer('2001:db8::7', 1234),
  remote: new VIPSocketPeer('192.0.2.9', 443),
}

describe('VCapture', () => {
  it('shows a conversation as a connection with handshake, data and ends, both ways', () => {
    const { chain, file } = recorded({ clock: () => 1_700_000_000_123.456 })
    chain.outbound.feed('hello')
    chain.inbound.feed('hi')
    chain.outbound.end()
    chain.inbound.end()
    const { linkType, packets } = readCapture(file())
    expect(linkType).toBe(101)
    expect(
      packets.map(({ direction, flags, sequence, acknowledged, payload }) => [
        direction,
        flags,
        sequence,
        acknowledged,
        String(payload),
      ]),
    ).toEqual([
      [2, 'S', 0, 0, ''],
      [1, 'SA', 0, 1, ''],
      [2, 'A', 1, 1, ''],
      [2, 'PA', 1, 1, 'hello'],
      [1, 'PA', 1, 6, 'hi'],
      [2, 'FA', 6, 3, ''],
      [1, 'FA', 3, 7, ''],
    ])
    expect(new Set(packets.map(({ source }) => source))).toEqual(
      new Set(['192.0.2.1 49152', '192.0.2.2 49151']),
    )
    expect(packets.every(({ atMs }) => atMs === 1_700_000_000_123.456)).toBe(true)
  })

  it('shows the addresses it is given, IPv4 among IPv6 too, and who connected', () => {
    const { chain, file } = recorded({}, { ...V6, opener: 'remote' })
    chain.inbound.feed('x')
    const [first] = readCapture(file()).packets
    expect(first).toMatchObject({
      direction: 1,
      flags: 'S',
      source: '00000000000000000000ffffc0000209 443',
      target: '20010db8000000000000000000000007 1234',
    })
  })

  it.each([
    ['raw', 101],
    ['ethernet', 1],
  ] as const)('holds exactly what passed, in segments, with link type %s', (linkType, number) => {
    for (const addresses of [{}, V6]) {
      const { chain, file } = recorded({ linkType, segmentBytes: 1_000 }, addresses)
      const pattern = new VBytePattern(9)
      let position = 0
      for (const size of [1, 999, 1_000, 1_001, 2_500]) {
        chain.outbound.feed(pattern.take(size, position))
        chain.inbound.feed(pattern.take(size, position + 1))
        position += size
      }
      const capture = readCapture(file())
      expect(capture.linkType).toBe(number)
      const [opening, answer] = capture.packets
      const out = streamOf(capture.packets, opening?.source ?? '')
      const back = streamOf(capture.packets, answer?.source ?? '')
      expect([out.length, pattern.mismatchAt(out)]).toEqual([position, -1])
      expect([back.length, pattern.mismatchAt(back.subarray(0, 1), 1)]).toEqual([position, -1])
      expect(Math.max(...capture.packets.map(({ payload }) => payload.length))).toBe(1_000)
      expect(String(chain.inbound.drain())).toBe(String(back))
    }
  })

  it('shows an abort, and an end that is not clean, as a reset', () => {
    for (const finish of [
      ({ chain }: Recorded) => chain.inbound.abort(),
      ({ chain }: Recorded) => chain.inbound.end(false),
    ]) {
      const run = recorded()
      run.chain.inbound.feed('x')
      finish(run)
      const flags = readCapture(run.file()).packets.map((packet) => packet.flags)
      expect(flags).toEqual(['S', 'SA', 'A', 'PA', 'RA'])
    }
  })

  it('keeps conversations apart by their ports', () => {
    const blocks: Buffer[] = []
    const chain = new EmbeddedDuplex((reactor) => {
      const capture = new VCapture(reactor, (bytes) => blocks.push(bytes))
      const [first, second] = [capture.conversation(), capture.conversation()]
      return new VByteDuplexFilter(first.outbound, second.outbound)
    })
    chain.inbound.feed('one')
    chain.outbound.feed('two')
    const { packets } = readCapture(Buffer.concat(blocks))
    expect(String(streamOf(packets, '192.0.2.1 49152'))).toBe('one')
    expect(String(streamOf(packets, '192.0.2.1 49153'))).toBe('two')
  })

  it('writes to a writer as well', () => {
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const chain = new EmbeddedDuplex((reactor) => {
      const writer = new VByteWriter(reactor)
      sink.attach(writer.byteProduce)
      return new VCapture(reactor, writer).conversation().filter
    })
    chain.outbound.feed('x')
    chain.advance(0)
    expect(readCapture(sink.received.peek()).packets).toHaveLength(4)
  })

  it('lets bytes pass when the sink fails, and leaves it alone from then on', () => {
    let calls = 0
    const sink = (): void => {
      calls += 1
      throw new Error('disk full')
    }
    const chain = new EmbeddedDuplex((reactor) => new VCapture(reactor, sink).conversation().filter, {
      expectFailures: true,
    })
    chain.outbound.feed('abc')
    chain.inbound.feed('def')
    expect([String(chain.outbound.drain()), String(chain.inbound.drain()), calls]).toEqual(['abc', 'def', 1])
    expect(chain.failures.map(({ message }) => message)).toEqual(['a capture gave up, as its sink failed'])
  })

  it('refuses options that make no sense', () => {
    expect(() => recorded({ linkType: 'token-ring' as never })).toThrow(TypeError)
    expect(() => recorded({ segmentBytes: 65_001 })).toThrow(RangeError)
    expect(() => recorded({}, { opener: 'nobody' as never })).toThrow(TypeError)
    const { reactor } = recorded().chain
    expect(() => new VCapture(reactor, {} as never)).toThrow(TypeError)
  })
})

const hasTshark = spawnSync('tshark', ['--version']).status === 0

/** Runs tshark over a capture. */
function tshark(file: Buffer, args: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'vio-capture-'))
  try {
    const path = join(folder, 'chain.pcapng')
    writeFileSync(path, file)
    const checks = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE']
    return execFileSync('tshark', ['-n', '-r', path, ...checks, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What Wireshark finds wrong or odd with a packet, and how the checksums are (1: right). */
const FIELDS = [
  '-T',
  'fields',
  '-e',
  'ip.checksum.status',
  '-e',
  'tcp.checksum.status',
  '-e',
  '_ws.expert.message',
]

/** Remarks on a connection that is as it should be. */
const EXPECTED_REMARKS = /^(Connection (establish|finish)|This frame (initiates|undergoes))/

describe('captures read by tshark', () => {
  const kinds = [
    ['raw', 'IPv4', {}],
    ['ethernet', 'IPv4', {}],
    ['raw', 'IPv6', V6],
    ['ethernet', 'IPv6', V6],
  ] as const

  it.for(kinds)(
    'are connections without a fault, with the streams that passed (%s, %s)',
    ([linkType, version, addresses], context) => {
      skipUnless(context, hasTshark, 'tshark is not installed')
      const { chain, file } = recorded({ linkType, segmentBytes: 1_000 }, addresses)
      const pattern = new VBytePattern(2)
      chain.outbound.feed(pattern.take(200_000))
      chain.inbound.feed(pattern.take(3_000, 7))
      chain.outbound.end()
      chain.inbound.end()
      const followed = tshark(file(), ['-q', '-z', 'follow,tcp,raw,0'])
      const lines = followed.split('\n').filter((line) => /^\t?[0-9a-f]+$/.test(line))
      const stream = (indent: string): Buffer =>
        Buffer.from(
          lines
            .filter((line) => line.startsWith('\t') === (indent === '\t'))
            .join('')
            .replaceAll('\t', ''),
          'hex',
        )
      expect([stream('').length, pattern.mismatchAt(stream(''))]).toEqual([200_000, -1])
      expect([stream('\t').length, pattern.mismatchAt(stream('\t'), 7)]).toEqual([3_000, -1])
      for (const line of tshark(file(), FIELDS).trimEnd().split('\n')) {
        const [ip, tcp, remarks = ''] = line.split('\t')
        expect([ip, tcp]).toEqual([version === 'IPv4' ? '1' : '', '1'])
        expect(remarks === '' || EXPECTED_REMARKS.test(remarks) ? '' : remarks).toBe('')
      }
    },
  )

  it('show their direction and their time', (context) => {
    skipUnless(context, hasTshark, 'tshark is not installed')
    const { chain, file } = recorded({ clock: () => 1_700_000_000_500 })
    chain.inbound.feed('x')
    const shown = tshark(file(), [
      '-T',
      'fields',
      '-e',
      'frame.time_epoch',
      '-e',
      'frame.packet_flags_direction',
    ])
    expect(shown.trimEnd().split('\n').at(-1)).toMatch(/^1700000000\.50*\t(0x0*1|1)$/)
  })
})
