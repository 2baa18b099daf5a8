/**
 * Finds the ids that the titles of one source carry.
 *
 * Reads the syntax, not the words: an id counts when it stands in brackets, written out, in the title of a test or a
 * group of tests, in a `title:` property, or, in a contract suite, in a text that is given to a function together with
 * the case (`hostCase('title', () => ...)`). What is marked `skip` or `todo` counts for nothing, nor does a group
 * without a test that runs. Ids that code puts together are not seen, and an id outside of brackets is a fault.
 */
import { parseSync, visitorKeys } from 'oxc-parser'

const GROUPS = new Set(['describe', 'suite'])
const TESTS = new Set(['it', 'test'])
const IDLE = new Set(['skip', 'todo'])

/** Words that mean an id; one that the catalogue does not have makes the generator fail. */
const ID_LIKE = /^(T-)?(EV|HIO|TU|VE|PA|CR)-/
const ID_ANYWHERE = /\b(T-)?(EV|HIO|TU|VE|PA|CR)-S?\d+\b/

/** True for the path of a contract suite: a list of cases for whoever imports it. */
export function isSuite(path) {
  return path.includes('/testing/contract/')
}

/**
 * The ids of a source: `{ ids, faults, imports, exports }`. `ids` may repeat, `imports` are `{ specifier, names }` of
 * values, `exports` the names it offers.
 */
export function readTitles(path, source) {
  const { program, errors } = parseSync(path, source, { sourceType: 'module' })
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors[0].message}`)
  const found = { suite: isSuite(path), ids: [], faults: [], imports: [], exports: [] }
  visitNode(program, found)
  return found
}

/** Visits a node; returns whether a test that runs stands below it. */
function visitNode(node, found) {
  noteModule(node, found)
  if (node.type === 'Property' && keyOf(node) === 'title') takeTitle(node.value, found)
  if (found.suite && isCase(node)) takeTitle(node.arguments[0], found)
  const call = node.type === 'CallExpression' ? callOf(node) : undefined
  if (call === undefined) return visitChildren(node, found)
  if (call.idle) return false
  const runs = visitChildren(node, found) || TESTS.has(call.name)
  if (runs) takeTitle(node.arguments[0], found)
  return runs
}

function visitChildren(node, found) {
  let runs = false
  for (const key of visitorKeys[node.type] ?? []) {
    for (const child of [node[key]].flat()) {
      if (child?.type !== undefined && visitNode(child, found)) runs = true
    }
  }
  return runs
}

/** `it`, `it.skip`, `describe.each(...)`: its name and whether it stays idle; undefined for other calls. */
function callOf(node) {
  let callee = node.callee
  let idle = false
  for (;;) {
    if (callee.type === 'Identifier') break
    if (callee.type === 'MemberExpression') {
      idle ||= IDLE.has(callee.property.name)
      callee = callee.object
    } else if (callee.type === 'CallExpression') callee = callee.callee
    else if (callee.type === 'TaggedTemplateExpression') callee = callee.tag
    else return undefined
  }
  return GROUPS.has(callee.name) || TESTS.has(callee.name) ? { name: callee.name, idle } : undefined
}

/** A call with a text and a function: what makes a case of a suite. */
function isCase(node) {
  if (node.type !== 'CallExpression' || callOf(node) !== undefined) return false
  return node.arguments
    .slice(1)
    .some(({ type }) => type.endsWith('FunctionExpression') || type === 'Identifier')
}

function noteModule(node, found) {
  if (node.type === 'ImportDeclaration' && node.importKind !== 'type') {
    const specifiers = node.specifiers.filter((each) => each.importKind !== 'type')
    const names = specifiers.map((each) => each.imported?.name ?? '*')
    found.imports.push({ specifier: node.source.value, names })
  } else if (node.type === 'ExportAllDeclaration' && node.exportKind !== 'type') {
    found.imports.push({ specifier: node.source.value, names: ['*'] })
  } else if (node.type === 'ExportNamedDeclaration' && node.exportKind !== 'type') {
    if (node.source !== null) found.imports.push({ specifier: node.source.value, names: [] })
    const declared = node.declaration?.declarations?.map((each) => each.id) ?? [node.declaration?.id]
    found.exports.push(...declared.filter((id) => id?.name !== undefined).map((id) => id.name))
    found.exports.push(...node.specifiers.map((each) => each.local.name))
  }
}

function takeTitle(node, found) {
  for (const text of textsOf(node)) {
    const outside = text.replace(/\[[^\]]*\]/g, (inside) => takeBracket(inside.slice(1, -1), found))
    const [stray] = ID_ANYWHERE.exec(outside) ?? []
    if (stray !== undefined) found.faults.push(`${stray} stands outside of brackets in "${text}"`)
  }
}

/** Takes the ids of one pair of brackets; brackets without any are left as words. */
function takeBracket(inside, found) {
  const words = inside.split(/[,\s]+/).filter((word) => word !== '')
  if (!words.some((word) => ID_LIKE.test(word))) return ''
  for (const word of words) {
    if (ID_LIKE.test(word)) found.ids.push(word)
    else found.faults.push(`"${word}" in "[${inside}]" is no id: write each id in full`)
  }
  return ''
}

/** The texts of a literal, or of a template the parts between its expressions. */
function textsOf(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return [node.value]
  if (node?.type === 'TemplateLiteral') return node.quasis.map((quasi) => quasi.value.cooked)
  return []
}

function keyOf(property) {
  return property.computed ? undefined : (property.key.name ?? property.key.value)
}
