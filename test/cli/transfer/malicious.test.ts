/**
 * Offers and frames that no honest sender makes: each is refused by name, before anything is written or remembered.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeGreeting } from '../../../packages/cli/src/greeting.js'
import {
  encodeFrame,
  FRAME,
  MAX_CONTROL_BYTES,
  MAX_DATA_BYTES,
} from '../../../packages/cli/src/transfer/frame.js'
import { ReceiveMachine } from '../../../packages/cli/src/transfer/receive-machine.js'
import {
  encodeExtent,
  encodeFileEnd,
  encodeFileStart,
  encodeOffered,
} from '../../../packages/cli/src/transfer/record.js'
import { SendMachine } from '../../../packages/cli/src/transfer/send-machine.js'
import { SEND_GREETING, TRANSFER_VERSION } from '../../../packages/cli/src/transfer/version.js'
import { eventsOf, fileEntry, KEY, sha256 } from './support.js'

const GREETING = encodeGreeting(SEND_GREETING)
const ONE = { k: 'f', p: ['a'], s: 5, m: 0o644, t: 0 }

function offered(entries: number, bytes: number): Buffer {
  return encodeOffered({ entries, bytes, key: KEY })
}

function listFrame(list: unknown): Buffer {
  return encodeFrame(FRAME.entries, Buffer.from(JSON.stringify(list), 'utf8'))
}

/** A receiver after these frames, and what it told. */
function heard(...frames: readonly Buffer[]): { receiver: ReceiveMachine; fault: string | undefined } {
  const receiver = new ReceiveMachine()
  for (const frame of [GREETING, ...frames]) {
    receiver.handleBytes(Buffer.from(frame))
    for (const event of eventsOf(receiver)) {
      if (event.type === 'offer') receiver.accept([])
      if (event.type === 'failed') return { receiver, fault: event.error.message }
    }
  }
  return { receiver, fault: undefined }
}

function faultOf(entry: unknown): string | undefined {
  return heard(listFrame([entry]), offered(1, 5)).fault
}

describe('a name is refused if it', () => {
  it.each([
    ['is empty', [''], 'it is empty'],
    ['is missing', [], 'it has no name'],
    ['is the folder itself', ['.'], 'it leads out of the folder'],
    ['is the folder above', ['..'], 'it leads out of the folder'],
    ['is the folder above, below another', ['x', '..', 'y'], 'it leads out of the folder'],
    ['is absolute', ['/etc/passwd'], 'it is a path'],
    ['has a slash', ['a/b'], 'it is a path'],
    ['has a backslash', ['a\\b'], 'it is a path'],
    ['has a zero', ['a\0b'], 'it has characters that cannot be seen'],
    ['has a line feed', ['a\nb'], 'it has characters that cannot be seen'],
    ['has an escape', ['a\u001b[2Jb'], 'it has characters that cannot be seen'],
    ['has a control character of eight bits', ['a\u009bb'], 'it has characters that cannot be seen'],
    ['turns the direction of text', ['gpj.\u202eexe'], 'it has characters that cannot be seen'],
    ['has a blank of no width', ['a\u200bb'], 'it has characters that cannot be seen'],
    ['is a device', ['CON'], 'it is the name of a device'],
    ['is a device with an ending', ['nul.txt'], 'it is the name of a device'],
    ['is a port', ['com1'], 'it is the name of a device'],
    ['is a port in other digits', ['LPT\u00b2.log'], 'it is the name of a device'],
    ['begins with a drive', ['c:x'], 'it begins with a drive'],
    ['is half a character', ['a\ud800'], 'it is no valid Unicode'],
    ['is that of an unfinished file', ['.a.vut-part'], 'it is how unfinished files are called'],
    ['is too long', ['a'.repeat(201)], 'it has more than 200 bytes'],
    ['is too long in bytes', ['日'.repeat(67)], 'it has more than 200 bytes'],
    ['is too deep', Array.from({ length: 65 }, () => 'a'), 'it is more than 64 folders deep'],
    ['is no text', [7], 'it is empty'],
    ['is no list', 'a', 'it has no name'],
  ])('%s', (_, path, why) => {
    expect(faultOf({ ...ONE, p: path })).toContain(why)
  })

  it('but not if it is only unusual', () => {
    for (const name of [
      '...',
      '.hidden',
      'a b',
      "it's",
      'ü',
      '日本語',
      '🙂',
      '-rf',
      '~',
      '$HOME',
      '*',
      'console',
      'ab:c',
    ]) {
      if (process.platform === 'win32' && /[*:]/.test(name)) continue
      expect(faultOf({ ...ONE, p: [name] }), name).toBeUndefined()
    }
  })
})

describe('an offer is refused if', () => {
  it.each([
    ['an entry is a link', [{ ...ONE, k: 'l' }], 'neither a file nor a folder'],
    ['an entry is none', [null], 'an entry of its list is none'],
    ['a size is negative', [{ ...ONE, s: -1 }], 'its size is none'],
    ['a size is no whole number', [{ ...ONE, s: 1.5 }], 'its size is none'],
    ['a size is beyond all files', [{ ...ONE, s: 2 ** 60 }], 'its size is none'],
    ['permissions would set the user', [{ ...ONE, m: 0o4755 }], 'its permissions are none'],
    ['a time is none', [{ ...ONE, t: 'now' }], 'its time is none'],
    ['a path is there twice', [ONE, ONE], 'it is there twice'],
    ['a file is used as a folder', [ONE, { ...ONE, p: ['a', 'b'] }], 'its folder is not there'],
    ['a folder is missing', [{ ...ONE, p: ['x', 'a'] }], 'its folder is not there'],
    [
      'a folder comes after what is in it',
      [
        { ...ONE, p: ['x', 'a'] },
        { k: 'd', p: ['x'] },
      ],
      'its folder is not there',
    ],
    ['the list is none', 5, 'its list is no list'],
  ])('%s', (_, list, why) => {
    expect(heard(listFrame(list)).fault).toContain(why)
  })

  it('it is no JSON, has fewer entries than it says, none, or other sizes', () => {
    expect(heard(encodeFrame(FRAME.entries, Buffer.from('[{'))).fault).toContain('no JSON')
    expect(heard(listFrame([ONE]), offered(2, 5)).fault).toContain('1 entries, where 2')
    expect(heard(offered(0, 0)).fault).toContain('0 entries')
    expect(heard(listFrame([ONE]), offered(1, 6)).fault).toContain('entries')
  })

  it('its list is without end', () => {
    const many = Array.from({ length: 500 }, (_, at) => at)
    const frames = Array.from({ length: 201 }, (_, page) =>
      listFrame(many.map((at) => ({ k: 'f', p: [`${page}-${at}`] }))),
    )
    expect(heard(...frames).fault).toContain('more than 100000 entries')
  })
})

describe('a sender breaks the rules if it', () => {
  const LIST = [listFrame([ONE]), offered(1, 5)]
  const START = encodeFileStart(0, 0)
  const DATA = encodeFrame(FRAME.data, Buffer.from('hello'))

  it.each([
    ['sends data before any file', [DATA], 'data that belongs to no file'],
    ['begins a file that it did not offer', [encodeFileStart(1, 0)], 'file 1 begins where file 0'],
    ['begins where nothing is', [encodeFileStart(0, 3)], 'file 0 begins at 3'],
    ['begins twice', [START, START], 'begins where file'],
    ['sends more than it offered', [START, DATA, DATA], 'more bytes of file 0'],
    ['ends too early', [START, encodeFileEnd(5, sha256(Buffer.alloc(0)))], 'ends before all of it has come'],
    ['ends with another size', [START, DATA, encodeFileEnd(4, sha256(Buffer.alloc(0)))], 'ends before'],
    ['ends what has not begun', [encodeFileEnd(5, sha256(Buffer.alloc(0)))], 'ends before'],
    ['is done before it was', [encodeFrame(FRAME.done)], 'done before all receipts'],
    ['speaks as a receiver', [encodeFrame(FRAME.accept)], 'a frame of type 9'],
    ['sends a frame of no type', [encodeFrame(99)], 'a frame of type 99'],
    ['sends a body of another size', [encodeFrame(FRAME.file, Buffer.alloc(3))], 'has 3 bytes'],
    ['names a size beyond a double', [encodeFrame(FRAME.file, Buffer.alloc(12, 255))], 'a size of'],
  ])('%s', (_, frames, why) => {
    expect(heard(...LIST, ...frames).fault).toContain(why)
  })

  it('does not wait for the answer', () => {
    const receiver = new ReceiveMachine()
    receiver.handleBytes(Buffer.concat([GREETING, ...LIST, START]))
    expect(eventsOf(receiver).map(({ type }) => type)).toEqual(['offer', 'failed'])
  })

  it('announces a frame that is too large', () => {
    const head = (type: number, length: number): Buffer => {
      const bytes = Buffer.alloc(5)
      bytes.writeUInt8(type)
      bytes.writeUInt32BE(length, 1)
      return bytes
    }
    expect(heard(head(FRAME.entries, MAX_CONTROL_BYTES + 1)).fault).toContain('a frame of type 1')
    expect(heard(...LIST, START, head(FRAME.data, MAX_DATA_BYTES + 1)).fault).toContain('a frame of type 4')
  })
})

describe('a receiver breaks the rules if it', () => {
  it.each([
    ['sends data', encodeFrame(FRAME.data, Buffer.from('x')), 'it sends data to the sender'],
    [
      'confirms what was not sent',
      encodeExtent(FRAME.receipt, { index: 0, sizeBytes: 1, digest: sha256(Buffer.alloc(0)) }),
      'where an answer',
    ],
    [
      'has some of a file that was not offered',
      encodeExtent(FRAME.resume, { index: 9, sizeBytes: 1, digest: sha256(Buffer.alloc(0)) }),
      'entry 9',
    ],
  ])('%s', (_, frame, why) => {
    const sender = new SendMachine([fileEntry('a', 1)], KEY)
    sender.handleBytes(Buffer.concat([encodeGreeting({ command: 'recv', version: TRANSFER_VERSION }), frame]))
    const event = eventsOf(sender).at(-1)
    expect(event?.type === 'failed' && event.error.message).toContain(why)
  })
})

describe('junk', () => {
  it('ends in a fault or in waiting, never in an exception, and is told once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
        fc.boolean(),
        (chunks, greets) => {
          const receiver = new ReceiveMachine()
          if (greets) receiver.handleBytes(Buffer.from(GREETING))
          for (const chunk of chunks) receiver.handleBytes(Buffer.from(chunk))
          const ends = eventsOf(receiver).filter(({ type }) => type === 'failed' || type === 'aborted')
          expect(ends.length).toBeLessThanOrEqual(1)
          expect(ends.length === 1).toBe(receiver.over)
        },
      ),
      { numRuns: 300 },
    )
  })
})
