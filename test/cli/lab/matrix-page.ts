/**
 * The page that says how bytes got through each network of the lab.
 */
import type { RowResult } from './check.js'

const HEAD = `# Which networks let what through

Each line is a network of [the lab](../test/lab/README.md): two hosts behind NATs, a relay that both reach, links of 20 ms
there and back and 50 Mbit/s. A file of 10 MB goes from A to B by \`vut send\` and \`vut recv\`, and is compared. This page is
written by \`npm run lab\`.

- **direct**: the bytes went straight to the other side in the end; the relay carried the first ones where it was faster.
- **birthday**: straight, after many ports were tried on both sides (\`--path direct\`, as a relay would have carried all of
  it before).
- **relay**: by the relay, for the reason that the command told.

The time is that from both being there to the first byte of the file.
`

/** The page of these results. */
export function matrixPage(results: readonly RowResult[]): string {
  const lines = results.map(
    ({ row, path, firstByteMs, why }) =>
      `| ${row.name} | ${path} | ${(firstByteMs / 1000).toFixed(1)} | ${why} |`,
  )
  return `${HEAD}\n| network (A to B) | path | s to first byte | reason |\n|---|---|---|---|\n${lines.join('\n')}\n`
}
