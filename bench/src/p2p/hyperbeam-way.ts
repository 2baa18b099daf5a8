/**
 * The file by the npm package `hyperbeam`, over a DHT of its own on this machine: its pipe reads from a file at one end and
 * writes to one at the other.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Command } from './commands.js'
import type { Cargo, Way } from './ways.js'

const PEER = join(import.meta.dirname, 'hyperbeam-peer.js')
const require = createRequire(import.meta.url)

/** By hyperbeam. */
export class HyperbeamWay implements Way {
  readonly name = 'hyperbeam'
  /** Its two ends do not always find each other in time. */
  readonly tries = 5
  #port = ''

  missing(): string | undefined {
    try {
      require('hyperbeam')
      require('hyperdht')
      return undefined
    } catch (error) {
      return `hyperbeam cannot be loaded: ${String(error).split('\n', 1)[0]}`
    }
  }

  async start(): Promise<void> {
    const network = new Command([process.execPath, PEER, 'network'])
    this.#port = await network.says(/port (\d+)/)
    network.standBy()
  }

  async move({ from, toFolder, name }: Cargo): Promise<void> {
    const sender = new Command([process.execPath, PEER, 'send', this.#port, from])
    const key = await sender.says(/key (\w+)/)
    const receiver = new Command([process.execPath, PEER, 'receive', this.#port, join(toFolder, name), key])
    try {
      await Promise.all([sender.ended, receiver.ended])
    } finally {
      // The one that was not found would wait for ever.
      for (const { process: child } of [sender, receiver]) child.kill('SIGKILL')
    }
  }
}
