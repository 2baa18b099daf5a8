/**
 * The code of docs/control.md, run.
 */
import {
  ask,
  emptyControl,
  tell,
  VByteEndpoint,
  VByteWAgent,
  VIOControl,
  VIOMissingControl,
  VMemoryPeer,
  type VPeer,
} from '@vio/io'
import { VByteTap } from '@vio/io/filter'
import { createDevicePair, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { virtualReactor } from '../reactor/support.js'

// #region custom
declare module '@vio/io' {
  interface VControlMessages {
    /** With the bytes. The application is asked to show `percent` done. */
    progressed(percent: number): void
  }
}
// #endregion custom

// #region pass
/** Has no hook for messages: all of them pass, in both directions. */
class Plain extends VByteTap {}
// #endregion pass

// #region handle
/** Answers `canConnect` itself. The question ends here; all other messages pass. */
class Gatekeeper extends VByteTap {
  readonly blocked = new Set<string>()

  protected override consumerControl(): VIOControl {
    const canConnect = (peer: VPeer): boolean => !this.blocked.has(String(peer))
    return new VIOControl({ canConnect }, () => super.consumerControl())
  }
}
// #endregion handle

// #region both
/** Notes `connected` and passes it on. */
class Witness extends VByteTap {
  readonly seen: string[] = []

  protected override consumerControl(): VIOControl {
    const next = super.consumerControl()
    const connected = (peer: VPeer): void => {
      this.seen.push(String(peer))
      tell(next, 'connected', peer)
    }
    return new VIOControl({ connected }, () => next)
  }
}
// #endregion both

// #region gate
/** Takes nothing before it knows whom it talks to. */
class Greeter extends VByteWAgent {
  #greeted = false
  received = ''

  protected override producerAttached(): void {
    // The base class would grant any number of bytes here.
    const { producer } = this.byteConsume
    this.reactor.schedule(0, () => producer && tell(producer.control, 'reqProducerState', this.byteConsume))
  }

  protected override consumerControl(): VIOControl {
    return new VIOControl({ connected: (peer) => this.#greet(peer) })
  }

  #greet(peer: VPeer): void {
    if (this.#greeted) return // it may be told more than once
    this.#greeted = true
    this.write(`hello ${peer}\n`)
    this.setReceiveLimit(null)
  }

  protected override dataReceived(data: Buffer): void {
    this.received += data.toString()
  }
}
// #endregion gate

function below(tap: VByteTap): { sink: VProbeConsumer; control: VIOControl } {
  const sink = new VProbeConsumer()
  sink.attach(tap.byteProduce)
  return { sink, control: tap.byteConsume.control }
}

describe('docs/control.md', () => {
  const { reactor, host } = virtualReactor()
  reactor.start()

  it('passes what an element does not handle', () => {
    const { sink, control } = below(new Plain(reactor))
    tell(control, 'connected', new VMemoryPeer('b'))
    expect(sink.messages.map(({ name }) => name)).toContain('connected')
  })

  it('ends what one handles', () => {
    const gatekeeper = new Gatekeeper(reactor)
    gatekeeper.blocked.add('memory:evil')
    const { sink, control } = below(gatekeeper)
    expect(ask(control, 'canConnect', true, new VMemoryPeer('evil'))).toBe(false)
    expect(ask(control, 'canConnect', false, new VMemoryPeer('good'))).toBe(true)
    tell(control, 'connected', new VMemoryPeer('good'))
    expect(sink.messages.map(({ name }) => name).filter((name) => !name.startsWith('notify'))).toEqual([
      'connected',
    ])
  })

  it('does both', () => {
    const witness = new Witness(reactor)
    const { sink, control } = below(witness)
    tell(control, 'connected', new VMemoryPeer('b'))
    expect(witness.seen).toEqual(['memory:b'])
    expect(sink.messages.map(({ name }) => name)).toContain('connected')
  })

  it('carries a message of one’s own', () => {
    const shown: number[] = []
    const tap = new Plain(reactor)
    const sink = new VProbeConsumer({ handlers: { progressed: (percent) => void shown.push(percent) } })
    sink.attach(tap.byteProduce)
    // #region send
    tell(tap.byteConsume.control, 'progressed', 40)
    // #endregion send
    expect(shown).toEqual([40])
    // #region missing
    tell(emptyControl(), 'progressed', 50) // nobody handles it, which is fine
    const answer = ask(emptyControl(), 'canConnect', true, new VMemoryPeer('b')) // true, the default given here
    const call = (): void => emptyControl().progressed(50) // throws VIOMissingControl
    // #endregion missing
    expect(answer).toBe(true)
    expect(call).toThrow(VIOMissingControl)
  })

  it('reaches an element that was attached late', () => {
    const { a, b } = createDevicePair({ a: { name: 'left' }, b: { name: 'right' } })
    const endpoint = new VByteEndpoint(reactor, a)
    b.writeSome(Buffer.from('welcome'))
    host.runUntilIdle()
    const greeter = new Greeter(reactor)
    greeter.byteIO.attach(endpoint.byteIO)
    host.runUntilIdle()
    expect(greeter.received).toBe('welcome')
    expect(b.readSome(100).toString()).toBe('hello memory:right\n')
  })

  it('asks before it connects', () => {
    const pair = createDevicePair({ connect: 'succeed', reactor })
    const endpoint = new VByteEndpoint(reactor, pair.a)
    const tap = new Gatekeeper(reactor)
    tap.blocked.add('memory:evil')
    tap.byteConsume.attach(endpoint.byteProduce)
    new VProbeProducer().attach(endpoint.byteConsume)
    expect(endpoint.connect(new VMemoryPeer('evil'))).toBe(false)
    expect(pair.a.calls.filter((call) => call.startsWith('connect'))).toEqual([])
  })
})
