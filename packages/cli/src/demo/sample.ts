/**
 * What the demo sends, and where.
 *
 * Decides the content of the file that is made: bytes that no compression makes smaller, so that the rate is that of any
 * file. Invariant: everything stands below one folder that is removed in the end.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const PIECE_BYTES = 1_048_576

/** A folder of one's own. */
export async function workFolder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'vut-demo-'))
}

/** Makes a file below `folder`, apart from where files are received. */
export async function makeFile(folder: string, sizeBytes: number): Promise<string> {
  await mkdir(join(folder, 'sent'))
  const file = join(folder, 'sent', 'demo.bin')
  const stream = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16))
  const zeros = Buffer.alloc(PIECE_BYTES)
  const handle = await open(file, 'wx')
  try {
    for (let left = sizeBytes; left > 0; left -= PIECE_BYTES) {
      await handle.writeFile(stream.update(zeros.subarray(0, Math.min(left, PIECE_BYTES))))
    }
  } finally {
    await handle.close()
  }
  return file
}

/** SHA-256 of a file, in hexadecimal digits. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: PIECE_BYTES }), hash)
  return hash.digest('hex')
}
