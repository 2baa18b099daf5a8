/**
 * The interfaces of an element are the same objects for its whole life, and keep it alive.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { VByteAgent, VByteConsumer, VByteEndpoint, VByteProducer, VByteWriter } from '@vio/io'
import { VByteFilter, VByteTap } from '@vio/io/filter'
import { createDevicePair, VTestBench } from '@vio/io/testing'
import type { VReactor } from '@vio/reactor'
import { describe, expect, it } from 'vitest'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Frees what nobody refers to. What a WeakRef was asked for stays until the present job is over. */
async function collect(): Promise<void> {
  for (let times = 0; times < 3; times += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
  }
}

class Sink extends VByteConsumer {
  protected override dataReceived(): void {}
}

class Source extends VByteProducer {
  protected override produce(): null {
    return null
  }
}

class Agent extends VByteAgent {
  protected override dataReceived(): void {}
}

const SAME = { push: (): void => undefined }

const INTERFACES: readonly (readonly [string, (reactor: VReactor) => object, string])[] = [
  ['a consumer', (reactor) => new Sink(reactor), 'byteConsume'],
  ['a producer', (reactor) => new Source(reactor), 'byteProduce'],
  ['a writer', (reactor) => new VByteWriter(reactor), 'byteProduce'],
  ['an agent, its consumer', (reactor) => new Agent(reactor), 'byteConsume'],
  ['an agent, its producer', (reactor) => new Agent(reactor), 'byteProduce'],
  ['an agent, its pair', (reactor) => new Agent(reactor), 'byteIO'],
  ['a tap, its consumer', (reactor) => new VByteTap(reactor), 'byteConsume'],
  ['a tap, its producer', (reactor) => new VByteTap(reactor), 'byteProduce'],
  ['a filter, its consumer', (reactor) => new VByteFilter(reactor, SAME), 'byteConsume'],
  ['a filter, its producer', (reactor) => new VByteFilter(reactor, SAME), 'byteProduce'],
  ['an endpoint, its consumer', (reactor) => new VByteEndpoint(reactor, createDevicePair().a), 'byteConsume'],
  ['an endpoint, its producer', (reactor) => new VByteEndpoint(reactor, createDevicePair().a), 'byteProduce'],
]

describe.each(INTERFACES)('%s', (_, build, name) => {
  it('is the same object on every access [CR-57 VE-34 VE-35]', () => {
    const element = build(new VTestBench().reactor) as Record<string, unknown>
    expect(element[name]).toBe(element[name])
  })

  it('keeps the element alive [CR-57]', async () => {
    const { reactor } = new VTestBench()
    const make = (): { end: unknown; alive: WeakRef<object>; lost: WeakRef<object> } => {
      const element = build(reactor)
      const end = (element as Record<string, unknown>)[name]
      return { end, alive: new WeakRef(element), lost: new WeakRef({}) }
    }
    const { end, alive, lost } = make()
    await collect()
    expect(lost.deref()).toBeUndefined()
    expect(alive.deref()).toBeDefined()
    expect(end).toBeDefined()
  })
})
