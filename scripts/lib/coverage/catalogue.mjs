/**
 * The list of everything that is to be shown, kept as data in `test/coverage/ids/`, and what has to be shown already.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Families of ids in the order of the report: the start of their ids, and what they are. */
export const FAMILIES = [
  { prefix: 'CR', what: 'rules of the contract between producer and consumer' },
  { prefix: 'VE', what: 'reactor, chains, sockets, VUT, pipes' },
  { prefix: 'EV', what: 'cooperative streams' },
  { prefix: 'HIO', what: 'polled server' },
  { prefix: 'TU', what: 'callback stream' },
  { prefix: 'PA', what: 'channels' },
  { prefix: 'T', what: 'cases that comparable systems test' },
]

/** The ids below `root` in order, as a map to their meaning. Throws for an id that is given twice or has no meaning. */
export function readCatalogue(root) {
  const folder = join(root, 'test', 'coverage', 'ids')
  const catalogue = new Map()
  for (const file of readdirSync(folder).sort()) {
    for (const { id, what } of JSON.parse(readFileSync(join(folder, file), 'utf8'))) {
      if (catalogue.has(id)) throw new Error(`${file}: ${id} is listed twice`)
      if (typeof what !== 'string' || what === '') throw new Error(`${file}: ${id} has no meaning`)
      if (familyOf(id) === undefined) throw new Error(`${file}: ${id} belongs to no family`)
      catalogue.set(id, what)
    }
  }
  return catalogue
}

/** The family an id belongs to. */
export function familyOf(id) {
  return FAMILIES.find(({ prefix }) => id.startsWith(`${prefix}-`))
}

/** The ids that `test/coverage/required.json` names, ranges (`CR-01..CR-65`) spelled out. Throws for unknown ones. */
export function readRequired(root, catalogue) {
  const ranges = JSON.parse(readFileSync(join(root, 'test', 'coverage', 'required.json'), 'utf8'))
  return ranges.flatMap((range) => expandRange(range, catalogue))
}

/** `VE-01..VE-03` as three ids; a single id as itself. */
export function expandRange(range, catalogue) {
  const [first, last = first] = range.split('..')
  const [from, to] = [first, last].map((id) => /^(.*-S?)(\d+)$/.exec(id))
  if (!from || !to || from[1] !== to[1]) throw new Error(`${range} is no range of ids`)
  const ids = []
  for (let number = Number(from[2]); number <= Number(to[2]); number++) {
    ids.push(`${from[1]}${String(number).padStart(from[2].length, '0')}`)
  }
  const unknown = ids.find((id) => !catalogue.has(id))
  if (unknown !== undefined || ids.length === 0) throw new Error(`${range} names ${unknown ?? 'nothing'}`)
  return ids
}
