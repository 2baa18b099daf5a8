/**
 * A file that is written by several calls at once, and what is left of it when one of them fails.
 */
import { existsSync, readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { FileDigest } from '../../../packages/cli/src/transfer/digest.js'
import { PartFile, partPath } from '../../../packages/cli/src/transfer/part-file.js'
import { tempFolder } from '../support.js'
import { KEY } from './support.js'

const ENTRY = { kind: 'file', path: ['a'], sizeBytes: 9, mode: 0o644, changedMs: 0 } as const

async function begun(): Promise<{ final: string; part: PartFile; digest: FileDigest }> {
  const final = join(tempFolder(), 'a')
  const digest = new FileDigest({ key: KEY, showsSha256: false }, 0)
  return { final, part: await PartFile.open(final, { sizeBytes: 0, digest }), digest }
}

function pieces(...texts: readonly string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text))
}

/** What handles of files have in common. */
async function handleMethods(): Promise<FileHandle> {
  const handle = await open(process.execPath, 'r')
  await handle.close()
  return Object.getPrototypeOf(handle) as FileHandle
}

describe('a file that arrives', () => {
  it('has everything in its place, whichever write is through first', async () => {
    const { final, part, digest } = await begun()
    await Promise.all([part.write(pieces('ab', 'c')), part.write(pieces('def')), part.write(pieces('ghi'))])
    const other = new FileDigest({ key: KEY, showsSha256: false }, 0)
    other.update(Buffer.from('abcdefghi'))
    expect(digest.digest()).toEqual(other.digest())
    await part.finish(ENTRY, false)
    expect(readFileSync(final, 'latin1')).toBe('abcdefghi')
  })

  it('goes on where a write took less than it was given', async () => {
    const { final, part } = await begun()
    const methods = await handleMethods()
    const { writev } = methods
    const short = vi.spyOn(methods, 'writev').mockImplementation(function (
      this: FileHandle,
      buffers,
      position,
    ) {
      const [first] = buffers as readonly Buffer[]
      return writev.call(this, first === undefined ? [] : [first.subarray(0, 1)], position)
    })
    await Promise.all([part.write(pieces('ab', 'c')), part.write(pieces('def'))])
    expect(short).toHaveBeenCalledTimes(6)
    short.mockRestore()
    await part.close()
    expect(readFileSync(partPath(final), 'latin1')).toBe('abcdef')
  })

  it.each([
    [0, ''],
    [1, 'abc'],
    [2, 'abcdef'],
  ])('keeps what is before the write that failed, number %i, and no gap behind', async (failing, left) => {
    const { final, part } = await begun()
    const methods = await handleMethods()
    const { writev } = methods
    let calls = 0
    const spy = vi.spyOn(methods, 'writev').mockImplementation(async function (this: FileHandle, ...given) {
      if (calls++ === failing) throw new Error('the disk is full')
      return await writev.apply(this, given)
    })
    const writes = ['abc', 'def', 'ghi'].map((text) => part.write(pieces(text)))
    const outcomes = await Promise.allSettled(writes)
    spy.mockRestore()
    expect(outcomes.map(({ status }) => status === 'rejected')).toEqual([0, 1, 2].map((at) => at === failing))
    await part.close()
    expect(existsSync(partPath(final))).toBe(left !== '')
    if (left !== '') expect(readFileSync(partPath(final), 'latin1')).toBe(left)
  })

  it('is closed where a gap cannot be cut off, and says nothing of that', async () => {
    const { part } = await begun()
    const methods = await handleMethods()
    const failing = vi.spyOn(methods, 'writev').mockRejectedValueOnce(new Error('the disk is full'))
    const outcomes = await Promise.allSettled([part.write(pieces('abc')), part.write(pieces('def'))])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    failing.mockRestore()
    let handle: FileHandle | undefined
    const truncate = vi.spyOn(methods, 'truncate').mockImplementation(async function (this: FileHandle) {
      handle = this
      throw new Error('the disk fails')
    })
    await part.close()
    truncate.mockRestore()
    expect(handle?.fd).toBe(-1)
  })
})
