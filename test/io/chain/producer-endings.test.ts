/**
 * How a `VByteProducer` ends: the end it registers, when that end is told, and aborts.
 */
import { VByteProducer, VIOError } from '@vio/io'
import { VProbeConsumer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor, Sink, Source } from '../support.js'

describe('endProduce', () => {
  it.each([true, false])(
    'registers an end whose flag %s arrives after the last bytes [VE-45] [CR-34] [CR-36]',
    (clean) => {
      const { host, reactor } = runningReactor()
      const reason = clean ? undefined : new Error('why')
      const source = new Source(reactor, { data: 'abcdef' })
      const sink = new Sink(reactor, { grant: 4, answer: () => 0 })
      source.byteProduce.attach(sink.byteConsume)
      source.end(clean, reason)
      source.end(!clean)
      host.runUntilIdle()
      expect(sink.received.length).toBe(4)
      expect(sink.events).not.toContain(`dataEnded(${clean})`)
      sink.grant(2)
      host.runUntilIdle()
      expect(sink.received.length).toBe(6)
      expect(sink.events.filter((event) => event.startsWith('dataEnded'))).toEqual([`dataEnded(${clean})`])
      expect(sink.endReason).toBe(reason)
    },
  )

  it('needs no limit once there are no more bytes [VE-45] [CR-36]', () => {
    const { host, reactor } = runningReactor()
    const source = new Source(reactor)
    const sink = new Sink(reactor, { grant: 'nothing' })
    source.byteProduce.attach(sink.byteConsume)
    source.end()
    host.runUntilIdle()
    expect(sink.events).toContain('dataEnded(true)')
    expect(source.events.filter((event) => event.startsWith('produce('))).toEqual([])
  })

  it('before the first production leaves what there is to give its place, by default [VE-45] [CR-36]', () => {
    const { host, reactor } = runningReactor()
    class Fixed extends VByteProducer {
      #left = Buffer.from('abcde')
      close(): void {
        this.endProduce(true)
      }
      protected override produce(maxBytes: number): Uint8Array {
        const part = this.#left.subarray(0, maxBytes)
        this.#left = this.#left.subarray(part.length)
        return part
      }
    }
    const fixed = new Fixed(reactor)
    const sink = new Sink(reactor, { grant: 'nothing', answer: () => 0 })
    fixed.byteProduce.attach(sink.byteConsume)
    fixed.close()
    for (const [grant, given] of [
      [0, ''],
      [2, 'ab'],
      [2, 'cd'],
      [2, 'e'],
      [1, ''],
    ] as const) {
      expect(sink.events).not.toContain('dataEnded(true)')
      sink.grant(grant)
      host.runUntilIdle()
      expect(sink.received.pop().toString()).toBe(given)
    }
    expect(sink.events).toContain('dataEnded(true)')
  })

  it('may be called from produce, at once or scheduled [VE-45]', () => {
    for (const later of [true, false]) {
      const { host, reactor } = runningReactor()
      class Once extends VByteProducer {
        #given = false
        protected override produce(): Uint8Array | null {
          if (this.#given) return null
          this.#given = true
          if (later) this.reactor.schedule(0, () => this.endProduce(true))
          else this.endProduce(true)
          return Buffer.from('abc')
        }
      }
      // Scheduled, it takes a further byte of credit to ask whether those were all.
      const sink = new Sink(reactor, { grant: 3, answer: () => (later ? 1 : 0) })
      new Once(reactor).byteProduce.attach(sink.byteConsume)
      host.runUntilIdle()
      expect(sink.received.pop().toString()).toBe('abc')
      expect(sink.events).toContain('dataEnded(true)')
    }
  })

  it('loses nothing when it is called at the limit, from wherever [CR-36]', () => {
    for (const granted of [0, 4, 5]) {
      const { host, reactor } = runningReactor()
      class Rest extends VByteProducer {
        #left = Buffer.from('abcde')
        protected override produce(maxBytes: number): Uint8Array {
          const piece = this.#left.subarray(0, maxBytes < 0 ? undefined : maxBytes)
          this.#left = this.#left.subarray(piece.length)
          return piece
        }
        end(): void {
          this.endProduce(true)
        }
        more(text: string): void {
          this.#left = Buffer.from(text)
          this.triggerProduction()
        }
      }
      let more = 0
      const sink = new Sink(reactor, { grant: granted, answer: () => more })
      const source = new Rest(reactor)
      source.byteProduce.attach(sink.byteConsume)
      host.runUntilIdle()
      if (granted === 5) source.more('fg')
      source.end()
      host.runUntilIdle()
      expect(sink.events).not.toContain('dataEnded(true)')
      more = 100
      sink.grant(more)
      host.runUntilIdle()
      expect(sink.received.pop().toString()).toBe(granted === 5 ? 'abcdefg' : 'abcde')
      expect(sink.events).toContain('dataEnded(true)')
    }
  })

  it('ends at the limit once produce gave nothing [CR-36]', () => {
    const { host, reactor } = runningReactor()
    class Empty extends VByteProducer {
      protected override produce(): null {
        return null
      }
      end(): void {
        this.endProduce(true)
      }
    }
    const sink = new Sink(reactor, { grant: 1 })
    const source = new Empty(reactor)
    source.byteProduce.attach(sink.byteConsume)
    host.runUntilIdle()
    source.end()
    host.runUntilIdle()
    expect(sink.events).toContain('dataEnded(true)')
  })

  it('refuses a new consumer from then on [CR-05]', () => {
    const { reactor } = runningReactor()
    const source = new Source(reactor, { data: 'abc' })
    const end = source.byteProduce
    end.attach(new VProbeConsumer())
    source.end()
    end.detach()
    expect(() => end.attach(new VProbeConsumer())).toThrow(VIOError)
  })
})

describe('producerAborted', () => {
  it('is called once, after a clean end too [VE-56] [CR-35]', () => {
    const { host, reactor } = runningReactor()
    const events: string[] = []
    const [source, sink] = [new Source(reactor, { events }), new Sink(reactor, { events })]
    source.byteProduce.attach(sink.byteConsume)
    source.end()
    host.runUntilIdle()
    source.byteProduce.abort()
    expect(events.slice(-6)).toEqual([
      'dataEnded(true)',
      'producerDetached',
      'consumerDetached',
      'producerAborted',
      'consumerAborted',
      'consumerClosed',
    ])
  })

  it('is called once by an abort from either side, last where it began here [VE-56] [VE-38] [CR-37]', () => {
    const { reactor } = runningReactor()
    const events: string[] = []
    const [source, sink] = [new Source(reactor, { events }), new Sink(reactor, { events })]
    source.byteProduce.attach(sink.byteConsume)
    events.length = 0
    const reason = new Error('why')
    source.byteProduce.abort(reason)
    source.byteProduce.abort()
    expect(events).toEqual([
      'consumerDetached',
      'producerDetached',
      'consumerAborted',
      'consumerClosed',
      'producerAborted',
    ])
    expect(source.abortReason).toBe(reason)
    expect(sink.closed[0]?.reason.value).toBe(reason)
  })
})
