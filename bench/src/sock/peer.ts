/**
 * One of the two processes of the socket bench: the server's or the client's. Does what the bench asks over the channel
 * that it was started with.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { answer } from '../lib/processes.js'
import { netStack } from './net-stack.js'
import type { Flow, FlowTerms, Mode, Served, Stack } from './stack.js'
import { vioStack } from './vio-stack.js'

/** The ways to program sockets, by name. */
export type StackName = 'net' | 'vio' | 'native'

/** What a process can be asked. */
export interface PeerCalls {
  /** Listens; gives the port. */
  serve(mode: Mode, loadBytes: number): Promise<number>
  /** How many connections the server took. */
  accepted(): number
  /** Opens a flow, whose number is given. */
  flow(terms: FlowTerms): Promise<number>
  /** Moves a load through a flow. */
  run(flow: number, loadBytes: number): Promise<number>
  /** Opens and ends `count` connections, `atOnce` of them at a time. */
  cycles(port: number, count: number, atOnce: number): Promise<number>
  /** Opens `count` idle connections. */
  hold(port: number, count: number): Promise<number>
  /** Resident memory in bytes, after a collection. */
  memory(): Promise<number>
}

async function inParts(count: number, atOnce: number, one: () => Promise<void>): Promise<number> {
  let left = count
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await one()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return count
}

async function settledMemory(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc?.()
    await sleep(50)
  }
  return process.memoryUsage().rss
}

function callsOver(stack: Stack): PeerCalls {
  const flows: Flow[] = []
  let served: Served | undefined
  return {
    serve: async (mode, loadBytes) => {
      served = await stack.serve(mode, loadBytes)
      return served.port
    },
    accepted: () => served?.accepted() ?? 0,
    flow: async (terms) => flows.push(await stack.flow(terms)) - 1,
    run: async (flow, loadBytes) => (await flows[flow]?.run(loadBytes)) ?? -1,
    cycles: (port, count, atOnce) => inParts(count, atOnce, () => stack.cycle(port)),
    hold: (port, count) => inParts(count, 64, () => stack.hold(port)),
    memory: settledMemory,
  }
}

function stackOf(name: string | undefined): Stack {
  if (name === 'net') return netStack
  return vioStack(name === 'native' ? 'native' : 'net')
}

/**
 * Something like the objects of a program around its sockets, about 16 MB. The engine runs no full collections for memory
 * outside its heap, such as chunks that were read, while the heap is below 8 MB: without them, what is measured is mostly
 * which stack's own code lies below that mark, and no program of any size does.
 */
function programObjects(): readonly object[] {
  return Array.from({ length: 200_000 }, (_each, index) => ({ index, name: `object ${index}` }))
}

const held = process.argv[3] === 'program' ? programObjects() : []

// Said, so that it is held as long as the process runs.
process.once('exit', () => held.length)
answer(callsOver(stackOf(process.argv[2])))
