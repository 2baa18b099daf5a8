/**
 * The file by `vut send` and `vut recv`, which meet at a `vut relay` on this machine. The digest check is in the time.
 */
import { join } from 'node:path'
import { Command, freePort } from './commands.js'
import type { Cargo, Way } from './ways.js'

const VUT = join(import.meta.dirname, '../../../packages/cli/dist/main.js')

/** `vut` with these arguments. */
export function vutCommand(...args: readonly string[]): readonly string[] {
  return [process.execPath, VUT, ...args]
}

/** By the built command. */
export class VutWay implements Way {
  readonly name = 'vut_send'
  #at = ''

  missing(): string | undefined {
    return undefined
  }

  async start(): Promise<void> {
    this.#at = `127.0.0.1:${await freePort()}`
    const relay = new Command(vutCommand('relay', '--listen', this.#at, '--json'))
    await relay.says(/"phase":"listening"/)
    relay.standBy()
  }

  async move({ from, toFolder }: Cargo): Promise<void> {
    const common = ['--relay', this.#at, '--json']
    const sender = new Command(vutCommand('send', from, ...common))
    const code = await sender.says(/"code":"([^"]+)"/)
    const receiver = new Command(vutCommand('recv', code, '--out', toFolder, '--yes', ...common))
    await Promise.all([sender.ended, receiver.ended])
  }
}
