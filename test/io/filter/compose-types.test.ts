/**
 * What the compiler says of chains: which elements may follow which. The file is checked by the type checker of the
 * build; what runs is only that the same misfits are refused at run time.
 */
import type {
  IVByteConsumer,
  IVByteProducer,
  IVMessageConsumer,
  IVMessageProducer,
  VByteConsumer,
  VByteEndpoint,
  VByteIOPair,
  VByteWriter,
  VMessageConsumer,
  VMessageProducer,
} from '@vio/io'
import type {
  VByteDecoder,
  VByteEncoder,
  VByteFilter,
  VBytesFlow,
  VByteTap,
  VGives,
  VMessagesFlow,
  VTakes,
} from '@vio/io/filter'
import { compose } from '@vio/io/filter'
import { describe, expect, expectTypeOf, it } from 'vitest'

declare const writer: VByteWriter
declare const tap: VByteTap
declare const filter: VByteFilter
declare const endpoint: VByteEndpoint
declare const pair: VByteIOPair
declare const byteSink: VByteConsumer
declare const rawSource: IVByteProducer
declare const rawSink: IVByteConsumer
declare const lines: VByteDecoder<string>
declare const joinLines: VByteEncoder<string>
declare const numbers: VMessageProducer<number>
declare const texts: VMessageProducer<string>
declare const textSink: VMessageConsumer<string>
declare const numberSink: VMessageConsumer<number>
declare const anySink: VMessageConsumer<unknown>
declare const rawTexts: IVMessageProducer<string>
declare const rawTextSink: IVMessageConsumer<string>
declare const toNumbers: {
  readonly messageConsume: IVMessageConsumer<string>
  readonly messageProduce: IVMessageProducer<number>
}
declare const lengths: VByteDecoder<'a' | 'b'>

/** Never called: the compiler reads it. */
export function fitting(): void {
  compose(writer, byteSink)
  compose(writer, tap, filter, tap, byteSink)
  compose(endpoint, endpoint)
  compose(pair, tap, pair)
  compose(rawSource, rawSink)
  compose(rawSource, filter, endpoint)
  compose(writer, lines, textSink)
  compose(writer, lines, toNumbers, numberSink)
  compose(texts, joinLines, byteSink)
  compose(writer, lines, joinLines, endpoint)
  compose(rawTexts, rawTextSink)
  compose(numbers, anySink)
  compose(writer, lengths, textSink)
}

/** Never called: each line is an error to the compiler, at the element that does not fit. */
export function misfitting(): void {
  // @ts-expect-error a sink of messages behind bytes
  compose(writer, textSink)
  // @ts-expect-error a sink of bytes behind messages
  compose(writer, tap, lines, byteSink)
  // @ts-expect-error an encoder behind bytes
  compose(writer, joinLines, byteSink)
  // @ts-expect-error a decoder behind messages
  compose(texts, lines, textSink)
  // @ts-expect-error messages of another type
  compose(writer, lines, numberSink)
  // @ts-expect-error messages of another type, between bare ends
  compose(rawTexts, numberSink)
  // @ts-expect-error a wider type of messages than the sink takes
  compose(texts, new Object() as { readonly messageConsume: IVMessageConsumer<'a' | 'b'> })
  // @ts-expect-error a sink in the middle
  compose(writer, byteSink, byteSink)
  // @ts-expect-error a source in the middle
  compose(writer, writer, byteSink)
  // @ts-expect-error a sink first
  compose(byteSink, byteSink)
  // @ts-expect-error something else
  compose(writer, { write: () => undefined }, byteSink)
  // @ts-expect-error a source alone
  compose(writer)
  // @ts-expect-error a function
  compose(writer, () => undefined)
}

describe('the types of a chain', () => {
  it('tell what an element gives and takes', () => {
    expectTypeOf<VGives<VByteDecoder<string>>>().toEqualTypeOf<VMessagesFlow<string>>()
    expectTypeOf<VTakes<VByteDecoder<string>>>().toEqualTypeOf<VBytesFlow>()
    expectTypeOf<VGives<VByteConsumer>>().toEqualTypeOf<never>()
    expectTypeOf<VTakes<VByteWriter>>().toEqualTypeOf<never>()
    expect(typeof fitting).toBe(typeof misfitting)
  })
})
