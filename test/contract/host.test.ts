/**
 * Runs the host contract over every host there is.
 */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextIteration } from 'node:timers/promises'
import { NodeHost } from '@vio/reactor'
import { hostContract, type IVHostFixture, VirtualHost } from '@vio/reactor/testing'
import { describe, it } from 'vitest'

/** Long enough for the slowest machine: what is asserted is never how long it took. */
const PATIENCE_MS = 30_000

function nodeFixture(): IVHostFixture {
  const folder = mkdtempSync(join(tmpdir(), 'vio-host-'))
  const open: number[] = []
  return {
    host: new NodeHost(),
    until: async (done) => {
      const giveUpAt = performance.now() + PATIENCE_MS
      await nextIteration()
      while (!done()) {
        if (performance.now() > giveUpAt) throw new Error(`not reached within ${PATIENCE_MS} ms`)
        await nextIteration()
      }
    },
    openReady: () => {
      const fd = openSync(join(folder, `file-${open.length}`), 'w+')
      open.push(fd)
      return fd
    },
    close: () => {
      for (const fd of open) closeSync(fd)
      rmSync(folder, { recursive: true })
    },
  }
}

function virtualFixture(): IVHostFixture {
  const host = new VirtualHost({ maxSteps: 10_000 })
  return {
    host,
    until: async (done) => {
      host.runUntilIdle()
      for (let steps = 0; !done(); steps += 1) {
        if (steps > 100_000) throw new Error(`not reached up to ${host.now()} ms`)
        host.advance(0.25)
      }
    },
    openReady: () => {
      const fd = host.openDescriptor()
      host.setReady(fd, 'read', true)
      host.setReady(fd, 'write', true)
      return fd
    },
    close: () => undefined,
  }
}

describe.each([
  { name: 'NodeHost', factory: nodeFixture },
  { name: 'VirtualHost', factory: virtualFixture },
])('host contract: $name', ({ factory }) => {
  for (const { title, run } of hostContract) it(title, () => run(factory))
})
