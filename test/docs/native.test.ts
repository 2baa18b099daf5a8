/**
 * The code that the native seam's own page shows.
 */
import { native, readiness, VDescriptorWatch } from '@vio/native'
import { describe, expect, it } from 'vitest'
import { needs } from '../native/support.js'

describe('packages/native/README.md', () => {
  it('reads a pipe when it is told to, until its end', async (context) => {
    needs(context, 'descriptors', 'readiness')
    // #region pipe
    const { reader, writer } = native.pipe()
    const buffer = Buffer.alloc(65_536)
    const pieces: string[] = []
    const watch = new VDescriptorWatch(reader, () => {
      const count = native.read(reader, buffer)
      if (count > 0) pieces.push(buffer.toString('utf8', 0, count))
      if (count === 0) watch.close() // the end
    })
    watch.start(readiness.READABLE)
    native.write(writer, Buffer.from('hello'))
    native.close(writer)
    // #endregion pipe
    while (!watch.closed) await new Promise((resolve) => setImmediate(resolve))
    native.close(reader)
    expect(pieces).toEqual(['hello'])
  })
})
