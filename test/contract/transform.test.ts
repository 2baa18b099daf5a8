/**
 * Runs the contract of a transform over the transforms from bytes to bytes.
 */
import { VByteBuffer } from '@vio/io'
import { VTrailerCheck, VTrailerWriter } from '@vio/io/filter'
import { type IVTransformSubject, transformContract, VBytePattern } from '@vio/io/testing'
import { runSuite, type Without } from '../lib/run-suite.js'
import { Sorted, sorted, Triples, triples } from './subjects/filters.js'
import { Same, Twice } from './subjects/transforms.js'

const INPUT = new VBytePattern(65).take(3000)

function withTrailer(bytes: Uint8Array): Buffer {
  const [input, output] = [new VByteBuffer(bytes), new VByteBuffer()]
  const writer = new VTrailerWriter()
  writer.push(input, output)
  writer.end(output)
  return output.pop()
}

const SUBJECTS: Readonly<Record<string, () => IVTransformSubject>> = {
  'bytes as they are': () => ({ make: () => new Same(), input: INPUT, output: INPUT, maxHeld: 0 }),
  'every byte twice': () => ({
    make: () => new Twice(),
    input: INPUT,
    output: Uint8Array.from([...INPUT].flatMap((byte) => [byte, byte])),
  }),
  'units of three bytes': () => ({
    make: () => new Triples(),
    input: INPUT,
    output: Uint8Array.from(triples([...INPUT])),
    incomplete: [Uint8Array.of(1), Uint8Array.of(1, 2)],
  }),
  'bytes sorted by eights': () => ({
    make: () => new Sorted(),
    input: INPUT,
    output: Uint8Array.from(sorted([...INPUT])),
    maxHeld: 8,
  }),
  VTrailerWriter: () => ({ make: () => new VTrailerWriter(), input: INPUT, output: withTrailer(INPUT) }),
  VTrailerCheck: () => {
    const damaged = withTrailer(INPUT)
    damaged[7] = (damaged[7] ?? 0) ^ 1
    return { make: () => new VTrailerCheck(), input: withTrailer(INPUT), output: INPUT, malformed: [damaged] }
  },
}

const WITHOUT: Readonly<Record<string, Without>> = {
  VTrailerCheck: { 'no input at all': 'where a digest is due, nothing at all is not whole' },
}

for (const [name, factory] of Object.entries(SUBJECTS)) {
  runSuite(name, transformContract, factory, WITHOUT[name])
}
