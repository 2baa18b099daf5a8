/** A chain between Web Streams: a Blob's bytes through a filter of vio, read back by a Response. */
import type { IVTransform, VByteBuffer } from '@vio/io'
import { fromWebReadable, toWebReadable } from '@vio/io/facade'
import { VByteFilter } from '@vio/io/filter'
import { VReactor } from '@vio/reactor'

/** Rot13: every letter is the one 13 places further. */
const rot13: IVTransform = {
  push(input: VByteBuffer, output: VByteBuffer): void {
    output.append(input.pop().map((byte) => (/[a-z]/i.test(String.fromCharCode(byte)) ? turn(byte) : byte)))
  },
}

function turn(letter: number): number {
  const base = letter & 0x60
  return base + (((letter & 0x1f) - 1 + 13) % 26) + 1
}

const reactor = new VReactor()
reactor.start()
const source = fromWebReadable(reactor, new Blob(['Why did the chicken ', 'cross the road?']).stream())
const filter = new VByteFilter(reactor, rot13)
source.byteProduce.attach(filter.byteConsume)
console.log(await new Response(toWebReadable(filter)).text())
reactor.stop()
