/**
 * What the compiler has to accept and to refuse. The bodies run too, but the point is that this file compiles.
 */
import type {
  IVByteHandleInput,
  IVByteHandleIO,
  IVByteHandleOutput,
  IVByteInput,
  IVByteIO,
  IVByteOutput,
  IVSelectableInput,
  IVSelectableIO,
  IVSelectableOutput,
} from '@vio/io'
import type { IVReactor, IVReactorObject, IVReader, IVSelectable, IVWriter, VReactor } from '@vio/reactor'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { Recorder } from './support.js'

describe('the interfaces of handlers', () => {
  it('take a reader with its three methods, and no less [VE-02]', () => {
    expectTypeOf<IVByteHandleInput>().toHaveProperty('doRead')
    expectTypeOf<IVByteHandleInput>().toHaveProperty('closeInput')
    expectTypeOf<IVByteHandleInput>().toHaveProperty('closeIO')
    expectTypeOf<IVByteHandleInput>().toEqualTypeOf<IVReader>()
    expectTypeOf<{ doRead(): void }>().not.toExtend<IVByteHandleInput>()
    expectTypeOf<object>().not.toExtend<IVByteHandleInput>()
    expectTypeOf<VReactor['addReader']>().parameter(0).toEqualTypeOf<IVReader & IVSelectable>()
    expect(new Recorder(1)).toBeDefined()
  })

  it('take a writer with its three methods, and no less [VE-03]', () => {
    expectTypeOf<IVByteHandleOutput>().toHaveProperty('doWrite')
    expectTypeOf<IVByteHandleOutput>().toHaveProperty('closeOutput')
    expectTypeOf<IVByteHandleOutput>().toHaveProperty('closeIO')
    expectTypeOf<IVByteHandleOutput>().toEqualTypeOf<IVWriter>()
    expectTypeOf<{ doWrite(): void }>().not.toExtend<IVByteHandleOutput>()
    expectTypeOf<VReactor['addWriter']>().parameter(0).toEqualTypeOf<IVWriter & IVSelectable>()
  })

  it('join reader and writer in one [VE-04]', () => {
    expectTypeOf<IVByteHandleIO>().toExtend<IVByteHandleInput & IVByteHandleOutput>()
    expectTypeOf<Recorder>().toExtend<IVByteHandleIO & IVSelectable>()
  })

  it('join each direction with a descriptor [VE-18]', () => {
    expectTypeOf<IVSelectableInput>().toExtend<IVByteInput & IVSelectable>()
    expectTypeOf<IVByteInput & IVSelectable>().toExtend<IVSelectableInput>()
    expectTypeOf<IVSelectableOutput>().toExtend<IVByteOutput & IVSelectable>()
    expectTypeOf<IVByteOutput & IVSelectable>().toExtend<IVSelectableOutput>()
    expectTypeOf<IVSelectableIO>().toExtend<IVByteIO & IVSelectable>()
    expectTypeOf<IVSelectableIO>().toExtend<IVSelectableInput & IVSelectableOutput>()
    expectTypeOf<IVByteInput>().not.toExtend<IVSelectableInput>()
    expectTypeOf<IVSelectableInput>().toExtend<Parameters<VReactor['addReader']>[0]>()
    expectTypeOf<IVSelectableOutput>().toExtend<Parameters<VReactor['addWriter']>[0]>()
  })

  it('let an object of a reactor tell its reactor [VE-26]', () => {
    expectTypeOf<IVReactorObject['reactor']>().toEqualTypeOf<IVReactor>()
    expectTypeOf<VReactor>().toExtend<IVReactor>()
  })
})
