/**
 * The heap of due times and the table of ids, each against a naive model.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Demux } from '../../../packages/vudp/src/driver/demux.js'
import { DueHeap, DueMember } from '../../../packages/vudp/src/driver/due-heap.js'
import { IdTable } from '../../../packages/vudp/src/driver/id-table.js'
import { propertyRuns } from '../../lib/runs.js'
import { engineOf } from '../v08/link.js'

describe('the heap of due times', () => {
  it('has the least time first, whatever was set before', () => {
    const step = fc.tuple(fc.nat(39), fc.oneof(fc.nat(50), fc.constant(Number.POSITIVE_INFINITY)))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new DueHeap<DueMember>()
        const members = Array.from({ length: 40 }, () => new DueMember())
        const times = new Map<DueMember, number>()
        for (const [index, dueAt] of steps) {
          const member = members[index] as DueMember
          heap.set(member, dueAt)
          times.set(member, dueAt)
          const finite = [...times.values()].filter((time) => time !== Number.POSITIVE_INFINITY)
          expect(heap.size).toBe(finite.length)
          expect(heap.nextAt).toBe(Math.min(Number.POSITIVE_INFINITY, ...finite))
          expect(heap.first?.dueAt ?? Number.POSITIVE_INFINITY).toBe(heap.nextAt)
        }
      }),
      propertyRuns(200),
    )
  })
})

describe('the table of ids', () => {
  it('finds what was added and not removed, wherever it stands', () => {
    // Few different beginnings, so that many ids share a slot.
    const id = fc.tuple(fc.nat(2), fc.nat(3), fc.boolean()).map(([head, tail, isLong]) => {
      const bytes = Buffer.alloc(isLong ? 16 : 8, tail)
      bytes.writeUInt32BE(head, 0)
      return bytes
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(id, fc.boolean(), fc.nat(1)), { maxLength: 100 }), (steps) => {
        const table = new IdTable<number>()
        const model = new Map<string, number>()
        for (const [bytes, isAdded, owner] of steps) {
          const key = bytes.toString('hex')
          if (isAdded) {
            expect(table.add(bytes, owner)).toBe(!model.has(key))
            if (!model.has(key)) model.set(key, owner)
          } else {
            table.remove(bytes, owner)
            if (model.get(key) === owner) model.delete(key)
          }
          expect(table.size).toBe(model.size)
          for (const [known, knownOwner] of model) {
            const datagram = Buffer.concat([Buffer.alloc(3), Buffer.from(known, 'hex'), Buffer.alloc(2)])
            expect(table.find(datagram, 3, known.length / 2)).toBe(knownOwner)
          }
        }
      }),
      propertyRuns(100),
    )
  })

  it('finds nothing outside of a datagram', () => {
    const table = new IdTable<number>()
    const id = Buffer.alloc(8, 1)
    table.add(id, 1)
    id.fill(2)
    expect(table.find(Buffer.alloc(8, 1), 0, 8)).toBe(1)
    expect(table.find(Buffer.alloc(8, 1), 1, 8)).toBeUndefined()
    expect(table.find(Buffer.alloc(8, 1), -4, 8)).toBeUndefined()
    expect(table.find(Buffer.alloc(0), 0, 8)).toBeUndefined()
    expect(table.find(Buffer.alloc(8, 2), 0, 8)).toBeUndefined()
  })
})

describe('the demux', () => {
  it('forgets ids, tags and addresses when it is told to', () => {
    const owner = {
      onUnknown: () => null,
      onReleased: () => undefined,
      onFailure: () => undefined,
      kick: () => undefined,
    }
    const demux = new Demux(owner)
    const member = demux.place()
    const [id, tag] = [Buffer.alloc(8, 1), Buffer.alloc(8, 2)]
    member.hooks.idAdded(id)
    expect(demux.hasTag(id)).toBe(true)
    member.hooks.idRemoved(id)
    expect(demux.hasTag(id)).toBe(false)
    const client = {
      onEvent: () => undefined,
      onTurn: () => undefined,
      onCut: () => undefined,
      onRefused: () => undefined,
    }
    const engine = engineOf('a')
    demux.add(member, engine, client, tag)
    expect(demux.hasTag(tag)).toBe(true)
    member.release()
    expect([demux.hasTag(tag), demux.members.size]).toEqual([false, 0])
    const other = demux.place()
    demux.add(other, engine, client, null)
    expect(demux.hasAddress(engine.peer)).toBe(true)
    other.release()
    expect(demux.hasAddress(engine.peer)).toBe(false)
    expect(demux.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
  })
})
