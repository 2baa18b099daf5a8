/**
 * Flows through both directions of a simulated connection, and what has to hold of them: all has come, and nothing is left.
 */
import type { NatOptions } from '@vio/vudp/testing'
import { expect } from 'vitest'
import type { SimFlowing, SimGround } from './sim-ground.js'

/** A NAT that lets in whom it has sent to. */
export const HOME: Omit<NatOptions, 'address'> = { filtering: 'address-and-port-dependent' }

/** One that has a new port for each destination, too. */
export const HARD: Omit<NatOptions, 'address'> = {
  mapping: 'address-and-port-dependent',
  filtering: 'address-and-port-dependent',
  ports: 'random',
}

/** Both directions. */
export type BothFlows = readonly [SimFlowing, SimFlowing]

/** Begins both, of so many bytes. */
export function begin(ground: SimGround, sizeBytes: number): BothFlows {
  return [ground.a.flow([1, 2], sizeBytes), ground.b.flow([2, 1], sizeBytes)]
}

/** Until both use that path. */
export function untilPath(ground: SimGround, path: 'direct' | 'relay', withinMs = 60_000): void {
  ground.world.runUntil(() => [ground.a, ground.b].every(({ paths }) => paths.at(-1) === path), {
    what: `the path ${path} on both sides`,
    withinMs,
  })
}

/** All has come, in order, and neither a socket nor a timer is left. */
export function finish(ground: SimGround, both: BothFlows, sizeBytes: number): void {
  ground.world.runUntil(() => both.every(({ sink }) => sink.ended !== null), {
    withinMs: 900_000,
    what: 'the end of both flows',
  })
  for (const { checker, sink } of both) {
    expect(checker.position).toBe(sizeBytes)
    expect(sink.ended?.clean).toBe(true)
  }
  ground.world.runUntil(() => ground.a.isReleased && ground.b.isReleased, { what: 'the release of both' })
  expect([ground.a.openPorts, ground.b.openPorts]).toEqual([0, 0])
}
