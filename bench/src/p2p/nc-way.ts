/**
 * The file by `nc`: bytes over TCP, neither encrypted nor checked.
 */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command, freePort, programMissing } from './commands.js'
import type { Cargo, Way } from './ways.js'

/** By netcat. */
export class NcWay implements Way {
  readonly name = 'nc'

  missing(): string | undefined {
    return programMissing('nc')
  }

  async start(): Promise<void> {}

  async move({ from, toFolder, name }: Cargo): Promise<void> {
    const port = String(await freePort())
    const [input, output] = [openSync(from, 'r'), openSync(join(toFolder, name), 'w')]
    try {
      const server = new Command(['nc', '-l', '127.0.0.1', port], { stdio: ['ignore', output, 'pipe'] })
      for (;;) {
        const client = new Command(['nc', '-N', '127.0.0.1', port], { stdio: [input, 'pipe', 'pipe'] })
        // It fails as long as the other one does not listen yet, without having read anything.
        const isThrough = await client.ended.then(
          () => true,
          () => false,
        )
        if (isThrough) break
        await sleep(5)
      }
      await server.ended
    } finally {
      closeSync(input)
      closeSync(output)
    }
  }
}
