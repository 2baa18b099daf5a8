/**
 * Receipts are read from any cut and any bytes, and what a pipe ends with follows from them.
 */

import { VIOLost } from '@vio/io'
import { VUDPLost } from '@vio/vudp'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EXIT, VCommandError } from '../../../packages/cli/src/index.js'
import { checkReceipt, localFailure, lostPipe } from '../../../packages/cli/src/pipe/outcome.js'
import { encodeReceipt, ReceiptReader, sameReceipt } from '../../../packages/cli/src/pipe/receipt.js'

const receipts = fc.record({
  bytes: fc.maxSafeNat(),
  digest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
})

describe('a receipt', () => {
  it('reads as it was written, however it is cut, and takes no byte behind it', () => {
    fc.assert(
      fc.property(
        receipts,
        fc.uint8Array({ maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 40 })),
        (receipt, tail, cuts) => {
          const bytes = Buffer.concat([encodeReceipt(receipt), tail])
          const reader = new ReceiptReader()
          let at = 0
          for (const cut of [...cuts, 100, 100]) at += reader.push(bytes.subarray(at, at + cut))
          expect(at).toBe(40)
          expect(reader.receipt !== null && sameReceipt(reader.receipt, receipt)).toBe(true)
        },
      ),
    )
  })

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 60 }), (bytes) => {
        const reader = new ReceiptReader()
        expect(reader.push(bytes)).toBe(40)
        expect(reader.receipt?.bytes).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

describe('what a pipe ends with', () => {
  const digest = Buffer.alloc(32)

  it.each([
    ['fewer bytes', { bytes: 9, digest }, /got 9 bytes, 10 were sent/],
    ['other bytes', { bytes: 10, digest: Buffer.alloc(32, 1) }, /got other bytes/],
  ])('is a failure where the other side got %s', (_, theirs, message) => {
    expect(() => checkReceipt(theirs, { bytes: 10, digest })).toThrow(message)
    expect(() => checkReceipt({ bytes: 10, digest }, { bytes: 10, digest })).not.toThrow()
  })

  it.each([
    ['the other side gave up', new VUDPLost(1, 'disk full', true), true, EXIT.peerAborted],
    ['the connection was lost with bytes on their way', new VUDPLost(7, 'silence'), true, EXIT.unknown],
    ['the connection was lost with nothing on its way', new VUDPLost(7, 'silence'), false, EXIT.failure],
    ['this side has failed', new VCommandError(EXIT.localIO, 'x'), true, EXIT.localIO],
  ])('is right where %s', (_, reason, isOpen, exitCode) => {
    expect(lostPipe(reason, isOpen).exitCode).toBe(exitCode)
  })

  it.each([
    ['EPIPE', 'the output was closed before everything had come'],
    ['ENOSPC', 'the output cannot be written: ENOSPC: no'],
  ])('is 7 where the output fails with %s, and says so', (code, message) => {
    const reason = Object.assign(new Error(`${code}: no`), { code, syscall: 'write' })
    for (const each of [reason, new VIOLost('x', { cause: reason })])
      expect(localFailure('output', each)).toMatchObject({ exitCode: EXIT.localIO, message })
  })
})
