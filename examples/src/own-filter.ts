/** A filter of one's own with its unit test: no sockets, no waiting, every cut of the input tried. */
import { strictEqual } from 'node:assert'
import type { IVTransform, VByteBuffer } from '@vio/io'
import { VByteFilter } from '@vio/io/filter'
import { EmbeddedChain } from '@vio/io/testing'

/** Drops comments: everything from a `#` to the end of the line. */
class NoComments implements IVTransform {
  #inComment = false

  push(input: VByteBuffer, output: VByteBuffer): void {
    while (input.length > 0) {
      const end = input.indexOf(this.#inComment ? 0x0a : 0x23)
      const piece = input.pop(end)
      if (!this.#inComment) output.append(piece)
      if (end !== -1) this.#inComment = !this.#inComment
      if (end !== -1 && this.#inComment) input.remove(1)
    }
  }
}

const TEXT = 'a = 1 # one\n# nothing\nb = 2'
for (let size = 1; size <= TEXT.length; size += 1) {
  const flow = new EmbeddedChain((reactor) => new VByteFilter(reactor, new NoComments()))
  for (let at = 0; at < TEXT.length; at += size) flow.feed(TEXT.slice(at, at + size))
  flow.end()
  strictEqual(String(flow.drain()), 'a = 1 \n\nb = 2')
  strictEqual(flow.ended?.clean, true)
}
console.log(`the same for chunks of 1 to ${TEXT.length} bytes`)
