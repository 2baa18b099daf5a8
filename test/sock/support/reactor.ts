/**
 * A reactor on real time for a test: what it logs is kept, and it stops with the test.
 */
import type { VLogEntry } from '@vio/reactor'
import { onTestFinished } from 'vitest'
import { CountingReactor } from './net-rig.js'

/** A started reactor and what was logged. */
export function startReactor(): { readonly reactor: CountingReactor; readonly logged: VLogEntry[] } {
  const logged: VLogEntry[] = []
  const reactor = new CountingReactor({ logWatcher: { watch: (entry) => void logged.push(entry) } })
  reactor.start()
  onTestFinished(() => reactor.stop())
  return { reactor, logged }
}
