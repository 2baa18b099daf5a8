/**
 * What has to hold of a transfer through a network of the lab.
 */
import { expect } from 'vitest'
import { NatLab } from '../../lib/nat-lab.js'
import { type Expected, LINK, type Row } from './rows.js'
import { type TransferResult, transfer } from './transfer.js'

/** What became of a row. */
export interface RowResult {
  readonly row: Row
  readonly path: string
  readonly firstByteMs: number
  /** Why it was not a direct path, as the person was told. */
  readonly why: string
}

/** The way that the last bytes went. */
function lastPathOf({ paths }: TransferResult): { readonly kind: string; readonly why: string } {
  const last = paths.at(-1)
  return { kind: String(last?.['kind'] ?? 'none'), why: String(last?.['why'] ?? '') }
}

/** A pair that must try many ports is told to wait for a direct path: a relay would have carried all by then. */
const OPTIONS: Readonly<Record<Expected, readonly string[]>> = {
  direct: [],
  birthday: ['--path', 'direct', '--timeout', '120'],
  relay: [],
}

/** Sends a file through the network of a row, and checks how. */
export async function checkRow(row: Row, bytes: number): Promise<RowResult> {
  await using lab = new NatLab([...row.network, ...LINK])
  const result = await transfer(lab, { bytes, options: OPTIONS[row.expected] })
  const { kind, why } = lastPathOf(result)
  expect(result.codes, result.said).toEqual([0, 0])
  expect(result.isSame, result.said).toBe(true)
  expect(kind, result.said).toBe(row.expected === 'relay' ? 'relay' : 'direct')
  if (row.expected === 'relay') expect(why, result.said).not.toBe('')
  expect(why, result.said).toContain(row.why ?? '')
  return { row, path: row.expected === 'birthday' ? 'birthday' : kind, firstByteMs: result.firstByteMs, why }
}
