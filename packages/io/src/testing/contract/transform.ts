/**
 * The contract of a transform of bytes: every way of cutting its input gives the same output.
 */
import { VSeededRandom } from '@vio/reactor/testing'
import { VByteBuffer } from '../../byte-buffer.js'
import type { IVTransform } from '../../types.js'
import type { IVContractCase } from './case.js'
import { check, equal, thrownBy } from './check.js'

/** A transform under test, and samples of what it reads. */
export interface IVTransformSubject {
  /** Makes a new one. */
  make(): IVTransform
  /** Input that ends where a unit does. */
  readonly input: Uint8Array
  /** What has to come out for it. */
  readonly output: Uint8Array
  /** Beginnings of units: input that ends inside of one. None if every byte is a whole unit. */
  readonly incomplete?: readonly Uint8Array[]
  /** Input that cannot be read, wherever it is cut. */
  readonly malformed?: readonly Uint8Array[]
  /** The most bytes that it may keep inside itself. By default it need not say. */
  readonly maxHeld?: number
}

/** Makes a subject. */
export type VTransformFactory = () => IVTransformSubject

/** Where the input is cut. */
type Cut = (left: number) => number

const CUTS: readonly (readonly [string, Cut])[] = [
  ['in one piece', (left) => left],
  ['one byte at a time', () => 1],
  ['three bytes at a time', () => 3],
  ['in thousands', () => 1000],
]

interface Outcome {
  readonly output: Buffer
  /** False if the input ended inside a unit. */
  readonly whole: boolean
}

/** Runs a transform over `input`, cut as told. */
function run(subject: IVTransformSubject, input: Uint8Array, cut: Cut): Outcome {
  const transform = subject.make()
  const [waiting, output] = [new VByteBuffer(), new VByteBuffer()]
  const most = subject.maxHeld
  for (let at = 0; at < input.length; ) {
    const size = Math.max(1, Math.min(cut(input.length - at), input.length - at))
    waiting.append(input.slice(at, at + size))
    at += size
    transform.push(waiting, output)
    const unit = transform.maxUnit ?? 1
    check(waiting.length < unit, `${waiting.length} bytes wait, although the largest unit has ${unit}`)
    const held = transform.held ?? 0
    if (most !== undefined) check(held <= most, `it holds ${held}, declared are ${most}`)
  }
  const whole = transform.end?.(output) !== false && waiting.length === 0
  return { output: output.pop(), whole }
}

function transformCase(
  title: string,
  body: (subject: IVTransformSubject) => void,
): IVContractCase<VTransformFactory> {
  return { title, run: (factory) => body(factory()) }
}

function checkSame(subject: IVTransformSubject, cut: Cut, what: string): void {
  const { output, whole } = run(subject, subject.input, cut)
  equal(whole, true, `${what}: whether it ended where a unit does`)
  if (output.equals(subject.output)) return
  const at = output.findIndex((byte, index) => byte !== subject.output[index])
  equal(output.length, subject.output.length, `${what}: bytes that came out (they part at ${at})`)
  equal(output[at], subject.output[at], `${what}: byte ${at}`)
}

/** What every transform of bytes has to do. */
export const transformContract: readonly IVContractCase<VTransformFactory>[] = [
  transformCase('gives the same output however its input is cut [CR-65]', (subject) => {
    for (const [what, cut] of CUTS) checkSame(subject, cut, what)
  }),

  transformCase('gives the same output for cuts at random [CR-65]', (subject) => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = new VSeededRandom(seed)
      const cut = (left: number): number => 1 + Math.floor(random.publicDouble() ** 3 * left)
      checkSame(subject, cut, `seed ${seed}`)
    }
  }),

  transformCase('does not touch the memory of its input [CR-32]', (subject) => {
    const before = Buffer.from(subject.input)
    const transform = subject.make()
    const [waiting, output] = [new VByteBuffer(subject.input), new VByteBuffer()]
    transform.push(waiting, output)
    transform.end?.(output)
    equal(before.equals(subject.input), true, 'whether the input is as it was')
  }),

  transformCase('says that its input stopped inside a unit, wherever that is cut [CR-34]', (subject) => {
    for (const beginning of subject.incomplete ?? []) {
      for (const input of [beginning, Buffer.concat([subject.input, beginning])]) {
        for (const [what, cut] of CUTS) {
          equal(run(subject, input, cut).whole, false, `${what}: whether ${input.length} bytes are whole`)
        }
      }
    }
  }),

  transformCase('is whole with no input at all', (subject) => {
    const { output, whole } = run(subject, new Uint8Array(), () => 1)
    equal(whole, true, 'whether it ended where a unit does')
    check(subject.input.length > 0 || output.equals(subject.output), 'what comes out for nothing')
  }),

  transformCase('throws for what it cannot read, wherever that is cut [CR-38]', (subject) => {
    for (const input of subject.malformed ?? []) {
      for (const [what, cut] of CUTS) {
        const error = thrownBy(() => run(subject, input, cut), `${what}: ${input.length} malformed bytes`)
        check(error instanceof Error, 'an error is an Error')
      }
    }
  }),
]
