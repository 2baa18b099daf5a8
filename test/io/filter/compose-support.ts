/**
 * What the tests of composed chains share: transforms, elements, and a source and a sink of a chain.
 */
import { VByteBuffer, VByteWAgent, VMessageQueue } from '@vio/io'
import type { VChainResult, VComposition } from '@vio/io/filter'
import { VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { virtualReactor } from '../../reactor/support.js'

/** Passes bytes on as they are, and throws at an `!`. */
export const fragile = {
  push(input: VByteBuffer, output: VByteBuffer): void {
    if (input.indexOf(0x21) !== -1) throw new RangeError('an exclamation mark')
    input.moveTo(output)
  },
}

/** Passes bytes on as they are. */
export const plain = {
  push(input: VByteBuffer, output: VByteBuffer): void {
    input.moveTo(output)
  },
}

/** Cuts bytes into messages at each `;`. */
export const words = {
  push(input: VByteBuffer, output: VMessageQueue<string>): void {
    for (let at = input.indexOf(0x3b); at !== -1; at = input.indexOf(0x3b)) {
      output.append(input.pop(at).toString())
      input.remove(1)
    }
  },
}

/** Writes each message with a `;` behind it. */
export const unwords = {
  push(input: VMessageQueue<string>, output: VByteBuffer): void {
    for (const word of input.popList()) output.append(Buffer.from(`${word};`))
  },
}

/** An element whose two directions have nothing to do with each other but what it does itself. */
export class Shout extends VByteWAgent {
  protected override dataReceived(data: Buffer): void {
    this.write(data.toString().toUpperCase())
  }
  protected override dataEnded(clean: boolean): void {
    this.endWrite(clean)
  }
}

/** Makes a sink hear the end and do nothing about it. */
export function blocked(sink: VProbeConsumer): VProbeConsumer {
  sink.endConsume = () => undefined
  return sink
}

/** A source and a sink that are not attached, and what the chains that are watched came to. */
export function setUp() {
  const { host, reactor, logged } = virtualReactor()
  reactor.start()
  const source = Object.assign(new VProbeProducer({ reactor }), { reactor })
  const sink = new VProbeConsumer({ grantAtAttach: null })
  const results: VChainResult[] = []
  const watch = (chain: VComposition): VComposition => {
    chain.onDone((result) => results.push(result))
    return chain
  }
  const feed = (text: string): void => source.feed(new VByteBuffer(Buffer.from(text)))
  return { host, reactor, logged, source, sink, results, watch, feed }
}

/** A queue of one message. */
export function sourceOf(word: string): VMessageQueue<string> {
  return new VMessageQueue([word])
}
