/**
 * The transfer as two machines: every cut of the bytes, resuming, and giving up.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeGreeting } from '../../../packages/cli/src/greeting.js'
import { ReceiveMachine } from '../../../packages/cli/src/transfer/receive-machine.js'
import { SendMachine } from '../../../packages/cli/src/transfer/send-machine.js'
import { dataFrame, eventsOf, feed, fileEntry, KEY, outputOf, sha256, transfer } from './support.js'

const WHOLE = (left: number): number => left
const FILES = [
  { name: 'a', bytes: Buffer.from(Array.from({ length: 2500 }, (_, at) => at & 255)) },
  { name: 'empty', bytes: Buffer.alloc(0) },
  { name: 'ü 日', bytes: Buffer.from('x') },
]

describe('a transfer', () => {
  it('is the same for every size of piece', () => {
    for (let size = 1; size <= 64; size++) {
      const { received, sendEvents } = transfer(FILES, () => size)
      for (const { name, bytes } of FILES) expect(received.get(name)?.equals(bytes)).toBe(true)
      expect(sendEvents.map(({ type }) => type)).toEqual([
        'accepted',
        'receipt',
        'receipt',
        'receipt',
        'finished',
      ])
    }
  })

  it('is the same for any cut, any files and anything that is there already', () => {
    const file = fc.record({ bytes: fc.uint8Array({ maxLength: 3000 }), have: fc.option(fc.nat(100)) })
    fc.assert(
      fc.property(
        fc.array(file, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 1500 })),
        (given, cuts) => {
          const files = given.map(({ bytes, have }, index) => ({
            name: `f${index}`,
            bytes: Buffer.from(bytes),
            ...(have === null ? {} : { have: Math.floor((have * bytes.length) / 100) }),
          }))
          const { received, sendEvents, receiveEvents } = transfer(files, () => cuts.next().value)
          for (const { name, bytes } of files) expect(received.get(name)?.equals(bytes)).toBe(true)
          expect(sendEvents.at(-1)).toEqual({ type: 'finished' })
          expect(receiveEvents.at(-1)).toEqual({ type: 'finished' })
        },
      ),
      { numRuns: 150 },
    )
  })

  it('sends only what is missing of a file', () => {
    const bytes = Buffer.alloc(5000, 7)
    const { receiveEvents } = transfer([{ name: 'a', bytes, have: 4990 }], WHOLE)
    const data = receiveEvents.flatMap((event) => (event.type === 'data' ? [event.bytes.length] : []))
    expect(data).toEqual([10])
  })

  it('is finished for the sender only with the last receipt', () => {
    const sender = new SendMachine([fileEntry('a', 1)], KEY)
    const receiver = new ReceiveMachine()
    feed(receiver, outputOf(sender), WHOLE)
    expect(eventsOf(receiver).map(({ type }) => type)).toEqual(['offer'])
    receiver.accept([])
    feed(sender, outputOf(receiver), WHOLE)
    sender.startFile(0, 0)
    sender.sendData(dataFrame(Buffer.from('x')))
    sender.endFile(sha256(Buffer.from('x')))
    expect(sender.sentAll).toBe(true)
    sender.handleEnd()
    expect(eventsOf(sender)).toEqual([
      { type: 'accepted', have: [] },
      { type: 'lost', reason: undefined },
    ])
  })

  it.each([
    ['another digest', { index: 0, sizeBytes: 1, digest: Buffer.alloc(32) }],
    ['another size', { index: 0, sizeBytes: 2, digest: sha256(Buffer.from('x')) }],
    ['another file', { index: 1, sizeBytes: 1, digest: sha256(Buffer.from('x')) }],
  ])('fails at a receipt with %s', (_, extent) => {
    const sender = new SendMachine([fileEntry('a', 1)], KEY)
    const receiver = new ReceiveMachine()
    feed(receiver, outputOf(sender), WHOLE)
    receiver.accept([])
    feed(sender, outputOf(receiver), WHOLE)
    sender.startFile(0, 0)
    sender.sendData(dataFrame(Buffer.from('x')))
    sender.endFile(sha256(Buffer.from('x')))
    receiver.receipt(extent)
    feed(sender, outputOf(receiver), WHOLE)
    expect(eventsOf(sender).map(({ type }) => type)).toEqual(['accepted', 'failed'])
  })

  it('tells the other side why one gives up', () => {
    for (const [one, other] of [
      [new SendMachine([fileEntry('a', 1)], KEY), new ReceiveMachine()],
      [new ReceiveMachine(), new SendMachine([fileEntry('a', 1)], KEY)],
    ] as const) {
      one.abort('the disk is full')
      feed(other, outputOf(one), WHOLE)
      expect(eventsOf<unknown>(other).at(-1)).toEqual({ type: 'aborted', reason: 'the disk is full' })
      expect(eventsOf<unknown>(one)).toEqual([])
    }
  })

  it('says that an offer is refused, and why', () => {
    const sender = new SendMachine([fileEntry('a', 1)], KEY)
    const receiver = new ReceiveMachine()
    feed(receiver, outputOf(sender), WHOLE)
    receiver.refuse('"a" is there already')
    feed(sender, outputOf(receiver), WHOLE)
    expect(eventsOf(sender)).toEqual([{ type: 'refused', reason: '"a" is there already' }])
  })
})

describe('a peer that fits not', () => {
  it.each([
    [{ command: 'pipe', version: 1 }, 'the other side runs "vut pipe", where "vut recv" was to be'],
    [{ command: 'send', version: 1 }, 'the other side runs "vut send", where "vut recv" was to be'],
    [{ command: 'recv', version: 1 }, 'the other side speaks version 1 of vut recv, this side version 2'],
    [{ command: 'recv', version: 3 }, 'the other side speaks version 3 of vut recv, this side version 2'],
  ])('is refused by name: %o', (greeting, text) => {
    const sender = new SendMachine([fileEntry('a', 1)], KEY)
    sender.handleBytes(encodeGreeting(greeting))
    const [event] = eventsOf(sender)
    expect(event).toMatchObject({ type: 'failed', error: { message: text, exitCode: 1 } })
  })

  it('is refused if it is no vut at all, at the first strange byte', () => {
    const receiver = new ReceiveMachine()
    receiver.handleBytes(Buffer.from('SSH-2.0'))
    expect(eventsOf(receiver)).toMatchObject([
      { type: 'failed', error: { message: 'the other side does not speak as a vut command does' } },
    ])
  })
})
