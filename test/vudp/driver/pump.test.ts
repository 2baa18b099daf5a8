/**
 * The pump: when it enters a machine, what it does with a port that refuses, and how it ends.
 */
import { VIOError, VIPSocketPeer, type VTransmitBatch } from '@vio/io'
import { VTestBench } from '@vio/io/testing'
import type { IVMachine } from '@vio/vudp'
import { VDatagramPump, type VDatagramPumpOptions } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { MemoryPort } from './memory-ports.js'

const PEER = new VIPSocketPeer('127.0.0.1', 9)

/** A machine that does what it is told and notes what it was given. */
class Scripted implements IVMachine<string> {
  readonly seen: string[] = []
  readonly events: string[] = []
  /** What is to be sent: a batch each. */
  readonly out: string[][] = []
  dueAt: number = Number.POSITIVE_INFINITY
  failure: Error | null = null
  prepared = 0

  prepare(): void {
    this.prepared += 1
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (this.failure !== null) throw this.failure
    this.seen.push(`${now} ${from} ${bytes.toString()}`)
  }

  handleTimeout(now: number): void {
    this.seen.push(`${now} timeout`)
    this.dueAt = Number.POSITIVE_INFINITY
  }

  pollTransmit(_now: number, batch: VTransmitBatch): boolean {
    const next = this.out.shift()
    if (next === undefined) return false
    batch.begin(PEER)
    for (const text of next) batch.commit(batch.buffer.write(text, batch.end))
    return true
  }

  pollTimeout(): number {
    return this.dueAt
  }

  pollEvent(): string | undefined {
    return this.events.shift()
  }
}

interface Given {
  readonly bench: VTestBench
  readonly port: MemoryPort
  readonly machine: Scripted
  readonly told: string[]
  readonly pump: VDatagramPump<string>
}

function given(options: Partial<VDatagramPumpOptions<string>> = {}): Given {
  const bench = new VTestBench()
  const port = new MemoryPort('127.0.0.1', 1)
  const machine = new Scripted()
  const told: string[] = []
  const pump = new VDatagramPump<string>(bench.reactor, {
    port,
    machine,
    onEvent: (event) => told.push(event),
    onEnd: (reason) => told.push(`end ${reason.constructor.name}`),
    ...options,
  })
  pump.start()
  bench.settle()
  return { bench, port, machine, told, pump }
}

function sentBy(port: MemoryPort): string[] {
  return port.sent.map(({ bytes }) => bytes.toString())
}

describe('VDatagramPump', () => {
  it('gives the machine what arrives, from the place in memory where it lies', () => {
    const { bench, port, machine } = given()
    port.arrive(Buffer.from('one'), PEER)
    port.arrive(Buffer.from('two'), PEER)
    expect(machine.seen).toEqual([])
    bench.settle()
    expect(machine.seen).toEqual(['0 127.0.0.1:9 one', '0 127.0.0.1:9 two'])
  })

  it('deals with a datagram that comes alone within the call that brings it, and with a flow in turns', () => {
    const { bench, port, machine } = given()
    const came = (text: string): readonly string[] => {
      port.arrive(Buffer.from(text), PEER, true)
      return machine.seen.splice(0)
    }
    expect(came('alone')).toEqual(['0 127.0.0.1:9 alone'])
    // Right behind it: the beginning of a flow.
    expect(came('second')).toEqual([])
    expect(came('third')).toEqual([])
    bench.settle()
    expect(machine.seen.splice(0).length).toBe(2)
    bench.host.elapse(1)
    // The last time there were two at once: there may be more behind this one.
    expect(came('fourth')).toEqual([])
    bench.settle()
    expect(machine.seen.splice(0).length).toBe(1)
    bench.host.elapse(1)
    expect(came('alone again')).toEqual(['2 127.0.0.1:9 alone again'])
  })

  it('leaves to a turn what does not come from the loop, or comes while one is due anyway', () => {
    const { bench, port, machine, pump } = given()
    port.arrive(Buffer.from('one'), PEER)
    expect(machine.seen).toEqual([])
    bench.settle(1)
    pump.kick()
    port.arrive(Buffer.from('two'), PEER, true)
    expect(machine.seen.length).toBe(1)
    bench.settle()
    expect(machine.seen.length).toBe(2)
  })

  it('lets the machine prepare once it has sent and waits, where datagrams come alone', () => {
    const { bench, port, machine, pump } = given()
    machine.out.push(['unasked'])
    pump.kick()
    bench.settle(1)
    expect(machine.prepared).toBe(0)
    machine.out.push(['an answer'], ['and more'])
    port.arrive(Buffer.from('alone'), PEER, true)
    expect([sentBy(port).length, machine.prepared]).toEqual([3, 1])
    bench.settle(1)
    // Nothing was sent.
    port.arrive(Buffer.from('alone'), PEER, true)
    expect(machine.prepared).toBe(1)
    // The port took nothing, and nothing is waited for.
    bench.settle(1)
    port.takes = 0
    machine.out.push(['refused'])
    port.arrive(Buffer.from('alone'), PEER, true)
    expect(machine.prepared).toBe(1)
  })

  it('wakes the machine when it is due, with one timer, and never early', () => {
    const { bench, machine, pump } = given()
    machine.dueAt = 50
    pump.kick()
    bench.settle()
    expect(pump.armed).toBe(true)
    machine.dueAt = 20
    pump.kick()
    bench.settle(19)
    expect(machine.seen).toEqual([])
    bench.settle(1)
    expect(machine.seen).toEqual(['20 timeout'])
    expect(pump.armed).toBe(false)
    // A timer that comes too early, as the machine is due later now, is set anew.
    machine.dueAt = 30
    pump.kick()
    bench.settle()
    machine.dueAt = 100
    bench.settle(40)
    expect(machine.seen.length).toBe(1)
    bench.settle(60)
    expect(machine.seen).toEqual(['20 timeout', '100 timeout'])
    expect(bench.host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('tells what the machine tells, and sends what it sends', () => {
    const { bench, port, machine, told, pump } = given()
    machine.events.push('a', 'b')
    machine.out.push(['11', '22', '3'], ['444'])
    pump.kick()
    expect(told).toEqual([])
    bench.settle()
    expect(told).toEqual(['a', 'b'])
    expect(sentBy(port)).toEqual(['11', '22', '3', '444'])
  })

  it('keeps what the port refuses, in order, and asks for no more until it is taken', () => {
    const { bench, port, machine, pump } = given()
    port.takes = 2
    machine.out.push(['11', '22', '33'], ['44'])
    pump.kick()
    bench.settle()
    expect(sentBy(port)).toEqual(['11', '22'])
    expect(pump.blocked).toBe(true)
    expect(machine.out.length).toBe(1)
    port.takes = 0
    pump.kick()
    bench.settle()
    expect(port.sent.length).toBe(2)
    port.takes = 10
    port.listener()
    bench.settle()
    expect(sentBy(port)).toEqual(['11', '22', '33', '44'])
    expect(pump.blocked).toBe(false)
  })

  it('does not spin while a machine is due and the port takes nothing', () => {
    const { bench, port, machine, pump } = given()
    port.takes = 0
    machine.out.push(['x'])
    machine.handleTimeout = () => machine.seen.push('due')
    machine.dueAt = 0
    pump.kick()
    bench.settle(100)
    expect(machine.seen.length).toBeLessThan(30)
  })

  it('takes a bounded number of datagrams in a turn, and goes on in the next', () => {
    const { bench, port, machine, pump } = given({ maxDatagramsPerTurn: 2 })
    for (let count = 0; count < 5; count += 1) port.arrive(Buffer.from(String(count)), PEER)
    pump.runTask()
    expect(machine.seen.length).toBe(2)
    bench.settle()
    expect(machine.seen.length).toBe(5)
  })

  it('sends a bounded number of batches in a turn, and goes on in the next', () => {
    const { bench, port, machine, pump } = given({ maxBatchesPerTurn: 2 })
    for (let count = 0; count < 5; count += 1) machine.out.push([String(count)])
    pump.runTask()
    expect(port.sent.length).toBe(2)
    bench.settle()
    expect(port.sent.length).toBe(5)
  })

  it('lets whoever writes go on before all is sent that the machine was given', () => {
    const { bench, port, machine, pump } = given({})
    for (let count = 0; count < 12; count += 1) machine.out.push([String(count)])
    let sent = -1
    pump.kick()
    bench.reactor.post({
      runTask: () => {
        sent = port.sent.length
      },
    })
    bench.settle()
    expect(sent).toBe(8)
    expect(port.sent.length).toBe(12)
  })

  it('drops a batch that is refused for good, and says so', () => {
    const refused: string[] = []
    const { bench, port, machine, pump } = given({
      onSendError: (error, peer) => refused.push(`${error.message} ${peer}`),
    })
    port.failure = new VIOError('no way')
    machine.out.push(['11'], ['22'])
    pump.kick()
    bench.settle()
    expect(refused).toEqual(['no way 127.0.0.1:9'])
    expect(sentBy(port)).toEqual(['22'])
    expect(pump.running).toBe(true)
  })

  it('ends when the port is closed, when the machine fails, and without a word when it is stopped', () => {
    const first = given()
    first.port.close()
    first.bench.settle()
    expect(first.told).toEqual(['end VFIOCompleted'])
    expect(first.pump.running).toBe(false)

    const second = given()
    second.bench.expectFailures()
    second.machine.failure = new Error('a defect')
    second.machine.dueAt = 1000
    second.port.arrive(Buffer.from('x'), PEER)
    second.bench.settle()
    expect(second.told).toEqual(['end VFIOLost'])
    expect(second.bench.failures.length).toBe(1)
    expect([second.pump.armed, second.bench.host.alarmAt]).toEqual([false, Number.POSITIVE_INFINITY])

    const third = given()
    third.machine.dueAt = 1000
    third.pump.kick()
    third.bench.settle()
    third.pump.stop()
    third.pump.stop()
    third.pump.start()
    third.port.arrive(Buffer.from('x'), PEER)
    third.bench.settle(2000)
    expect([third.told, third.machine.seen]).toEqual([[], []])
  })

  it('lets a handler of events stop it', () => {
    const { bench, machine, told, pump } = given({
      onEvent: (event) => {
        told.push(event)
        pump.stop()
      },
    })
    machine.events.push('a', 'b')
    machine.out.push(['x'])
    pump.kick()
    bench.settle()
    expect(told).toEqual(['a'])
    expect(machine.out.length).toBe(1)
  })

  it('refuses numbers that are none', () => {
    expect(() => given({ maxDatagramsPerTurn: 0 })).toThrow('maxDatagramsPerTurn is a whole number from 1 on')
    expect(() => given({ batchBytes: 1.5 })).toThrow('batchBytes is a whole number from 1 on')
  })
})
